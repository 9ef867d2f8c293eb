"""CURVE: who may read a stream that leaves this host. Keys are pyzmq's files NAME.key and NAME.key_secret."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from eventflow.errors import ParameterError

if TYPE_CHECKING:
    from pathlib import Path

    import zmq


def make_keys(folder: Path, name: str) -> tuple[Path, Path]:
    """Write a new pair of keys and return the public and the secret file; the secret one is for its owner alone.

    Raises:
        ParameterError: there are such files already, or the folder refuses.
    """
    from zmq.auth import create_certificates

    public, secret = folder / f"{name}.key", folder / f"{name}.key_secret"
    for path in (public, secret):
        if path.exists():
            raise ParameterError(f"{path}: exists already; keys are not replaced")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        create_certificates(str(folder), name)
        secret.chmod(0o600)
    except OSError as error:
        raise ParameterError(f"{folder}: keys cannot be written there: {error.strerror or error}") from None
    return public, secret


def load_key(path: Path, *, secret: bool = False) -> tuple[bytes, bytes | None]:
    """Return the public and the secret key of a file.

    Raises:
        ParameterError: it holds none.
    """
    from zmq.auth import load_certificate

    try:
        public, private = load_certificate(str(path))
    except (OSError, ValueError) as error:
        raise ParameterError(f"{path}: no key can be read from it: {error}; make keys with `eventflow keys`") from None
    if secret and private is None:
        raise ParameterError(f"{path}: holds no secret key; name the file NAME.key_secret")
    return public, private


def serve_encrypted(socket: zmq.Socket[bytes], key: Path, allowed: Path | None) -> Any:
    """Make a socket a CURVE server; return the authenticator to be stopped at the end, or None.

    Args:
        socket: not bound yet.
        key: the server's secret key.
        allowed: a folder of public keys; None: whoever knows the server's public key.
    """
    from zmq.auth.thread import ThreadAuthenticator

    public, private = load_key(key, secret=True)
    authenticator = None
    if allowed is not None:
        if not allowed.is_dir():
            raise ParameterError(f"{allowed}: no folder of public keys")
        authenticator = ThreadAuthenticator(socket.context)
        authenticator.start()
        authenticator.configure_curve(domain="*", location=str(allowed))
    socket.curve_publickey, socket.curve_secretkey, socket.curve_server = public, private or b"", True
    return authenticator


def connect_encrypted(socket: zmq.Socket[bytes], server_key: Path, key: Path | None) -> None:
    """Make a socket a CURVE client, with a key of its own or one for this connection alone."""
    import zmq

    socket.curve_serverkey = load_key(server_key)[0]
    own = zmq.curve_keypair() if key is None else load_key(key, secret=True)
    socket.curve_publickey, socket.curve_secretkey = own[0], own[1] or b""


def is_loopback(host: str) -> bool:
    """Return whether a host is this one, seen from itself alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
