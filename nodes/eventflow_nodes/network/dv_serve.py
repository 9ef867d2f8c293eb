"""Streams for dv-processing and the DV software."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from eventflow.errors import ParameterError
from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.messages import Frame, Imu, StreamInfo, Triggers
from eventflow.net.dv import Server, tls_server
from eventflow.units import Size
from eventflow_nodes.network.address import host_and_port


class DvServe(Node):
    """Serve a stream to dv-processing's NetworkReader and the DV software; who is slow misses packets.

    Events that are unordered are sent as they are.

    Args:
        address: HOST:PORT to listen at, or the path of a UNIX socket to make.
        compression: of packets.
        certificate: of this server, PEM, for encrypted connections; other hosts are served with it alone.
        key: its private key, PEM.
        authority: whose signature the clients' certificates must have.
        waiting: how much may wait for one client.
        clients: wait for so many clients before the first message.
    """

    rehearses = False
    address: str
    compression: Literal["none", "lz4", "lz4_high", "zstd", "zstd_high"] = "none"
    certificate: Path | None = None
    key: Path | None = None
    authority: Path | None = None
    waiting: Size = 64_000_000
    clients: Annotated[int, Range(0)] = 0

    def start(self, message: StreamInfo) -> None:
        """Note what is served; clients are let in when the kind of stream is known."""
        self._info = message
        self._server: Server | None = None

    def message(self, message: Events | Frame | Imu | Triggers) -> None:
        """Send a message."""
        if self._server is None:
            self._server = self._listen(type(message).__name__)
        self._server.send(message)
        self.skipped["packets that clients missed"] = self._server.dropped

    def close(self, *, complete: bool) -> None:
        """End all connections."""
        server = vars(self).pop("_server", None)
        if server is not None:
            server.close()
        super().close(complete=complete)

    def _listen(self, kind: str) -> Server:
        import time

        tls: Any = None
        if self.certificate is not None and self.key is not None:
            tls = tls_server(self.certificate, self.key, self.authority)
        where = self.address if "/" in self.address else host_and_port(self.address)
        if tls is None and isinstance(where, tuple) and where[0] not in ("127.0.0.1", "localhost", "::1"):
            raise ParameterError(f"{self.address}: other hosts could read the stream; give certificate= and key=")
        info = self._info
        server = Server(
            where,
            kind=kind,
            width=info.width,
            height=info.height,
            compression=self.compression,
            source=info.source or "eventflow",
            tls=tls,
            waiting_bytes=self.waiting,
        )
        while server.clients < self.clients:
            time.sleep(0.01)
        return server
