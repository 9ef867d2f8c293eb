"""The network streams of dv-processing as a source."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar, Final, NamedTuple, cast

from eventflow.errors import LinkError
from eventflow.events import Events
from eventflow.graph.node import Source
from eventflow.graph.parameters import Range
from eventflow.io.order import BEFORE_ALL_TIME
from eventflow.messages import Frame, Imu, Reset, StreamInfo, Triggers, Watermark, time_of
from eventflow.net.dv import Client, ClosedError, tls_client
from eventflow.units import Duration, s
from eventflow_nodes.network.address import host_and_port

_POLL_S: Final = 0.02
_RETRY_S: Final = 0.25


class DvStreams(NamedTuple):
    """What a server may send; one of them."""

    events: Events | None = None
    frames: Frame | None = None
    imu: Imu | None = None
    triggers: Triggers | None = None


class DvNetwork(Source):
    """Receive what dv-processing's NetworkWriter or the DV software sends: events, frames, inertia or triggers.

    A connection carries one stream. When it breaks it is tried again for `patience`; what was missed is counted as a
    gap, and every node below starts anew with the packet after it. Times that step back reset the nodes below as well.

    Args:
        address: HOST:PORT, or the path of a UNIX socket.
        patience: how long to wait for a server, at the start and after a break; 0: end the stream at a break.
        certificate: of this client, PEM, for an encrypted connection.
        key: its private key, PEM.
        authority: whose signature the server's certificate must have; null: anybody's.
    """

    live: ClassVar[bool] = True
    address: str
    patience: Annotated[Duration, Range(0)] = s(10)
    certificate: Path | None = None
    key: Path | None = None
    authority: Path | None = None

    def start(self) -> StreamInfo:
        """Connect."""
        self._client = self._connect()
        stream = self._client.stream
        width, height = stream.size("sizeX"), stream.size("sizeY")
        return StreamInfo(width, height, source=f"dv://{self.address}", live=True)

    def run(self) -> Iterator[DvStreams | Reset | Watermark]:
        """Yield messages as they come."""
        reached = BEFORE_ALL_TIME
        while True:
            try:
                messages = self._client.receive(_POLL_S)
            except (ClosedError, LinkError) as error:
                broken = time.monotonic()
                if not self._connect_again():
                    if isinstance(error, LinkError):
                        raise
                    return
                reached = BEFORE_ALL_TIME
                yield Reset(f"the connection was broken for {time.monotonic() - broken:.1f} s")
                continue
            if self._client.damaged:
                self.skipped["damaged packets"] += self._client.damaged
                self._client.damaged = 0
            if not messages:
                yield Watermark(reached)  # also before anything came, so that the run may end
            for message in messages:
                if isinstance(message, Events) and not message.ordered:
                    self.skipped["unordered packets"] += 1
                    continue
                first = int(message.t[0]) if isinstance(message, Events) else message.t
                if first < reached:
                    yield Reset(f"time jumped from {reached} to {first} µs")
                reached = time_of(message)
                yield _on_its_port(message)
                yield Watermark(reached)

    def close(self, *, complete: bool) -> None:
        """End the connection."""
        if hasattr(self, "_client"):
            self._client.close()
        super().close(complete=complete)

    def _connect(self) -> Client:
        deadline = time.monotonic() + self.patience / 1e6
        tls = None if self.certificate is None or self.key is None else (self.certificate, self.key, self.authority)
        where = self.address if "/" in self.address else host_and_port(self.address)
        while True:
            try:
                return Client(where, tls=None if tls is None else tls_client(*tls))
            except LinkError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_RETRY_S)

    def _connect_again(self) -> bool:
        self._client.close()
        if not self.patience:
            return False
        try:
            self._client = self._connect()
        except LinkError:
            return False
        self.skipped["gaps"] += 1
        return True


def _on_its_port(message: object) -> DvStreams:
    if isinstance(message, Events):
        return DvStreams(events=message)
    if isinstance(message, Frame):
        return DvStreams(frames=message)
    return DvStreams(imu=message) if isinstance(message, Imu) else DvStreams(triggers=cast("Triggers", message))
