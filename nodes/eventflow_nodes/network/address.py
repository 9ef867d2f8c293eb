"""Addresses of sockets as users write them."""

from __future__ import annotations

from eventflow.errors import ParameterError


def host_and_port(address: str) -> tuple[str, int]:
    """Return the host and the port of "HOST:PORT" or "[IPV6]:PORT".

    Raises:
        ParameterError: it is neither.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 <= int(port) < 65536:
        raise ParameterError(f"address {address!r}: expected HOST:PORT, such as 127.0.0.1:3333")
    return host.strip("[]"), int(port)
