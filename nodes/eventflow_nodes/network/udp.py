"""Events from UDP datagrams."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Final, Literal

import numpy as np

from eventflow.errors import LinkError
from eventflow.events import Events
from eventflow.graph.node import Source
from eventflow.graph.parameters import Range
from eventflow.io.decoder import Batch
from eventflow.io.order import TimeOrder
from eventflow.io.stream import mended_packets
from eventflow.messages import Reset, StreamInfo, Watermark
from eventflow.net import datagrams, many
from eventflow.units import Duration, Size, ms
from eventflow_nodes.network.address import host_and_port

_ROWS: Final = 1024
_SLABS: Final = 64
_POLL_S: Final = 0.05
_LOOK_S: Final = 1.0


class Udp(Source):
    """Receive events that another program sends as UDP datagrams: faery, AEStream, EventCV.

    The protocols have no sequence numbers, so what the network loses is invisible; what this host's own system throws
    away, because its buffer was full, is counted as `datagrams dropped by the system`. Times that step back by more
    than `max_backstep` (another sender, a restart) reset every node below.

    Args:
        address: HOST:PORT to listen at; 0.0.0.0:PORT is every interface.
        layout: of an event: t64_x16_y16_on8 and t32_x16_y15_on1 are faery's, spif is AEStream's and EventCV's.
        width: sensor width, px; events beyond are counted and left out.
        height: sensor height, px.
        buffer: receive buffer asked of the system; what it grants stands in the results.
        largest: the largest datagram, bytes; longer ones are counted as damaged.
        max_backstep: the largest step back in time that is mended.
        silence: end the stream after so much silence once something came; null: go on for ever.
    """

    live: ClassVar[bool] = True
    address: str = "127.0.0.1:3333"
    layout: Literal["t64_x16_y16_on8", "t32_x16_y15_on1", "spif"] = "t64_x16_y16_on8"
    width: Annotated[int, Range(1, 65535)]
    height: Annotated[int, Range(1, 65535)]
    buffer: Size = 64_000_000
    largest: Annotated[int, Range(16, 65536)] = 2048
    max_backstep: Annotated[Duration, Range(0)] = ms(100)
    silence: Annotated[Duration, Range(1)] | None = None

    def start(self) -> StreamInfo:
        """Listen from now on."""
        host, port = host_and_port(self.address)
        try:
            self._socket = many.udp_socket(host, port, self.buffer)
        except OSError as error:
            raise LinkError(f"{self.address}: cannot listen there: {error.strerror or error}") from None
        granted = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        self.results["receive_buffer_bytes"] = granted
        self._filled: deque[Any] = deque()
        self._free = deque(many.Slab(_ROWS, self.largest) for _ in range(2))
        self._slabs = len(self._free)
        self._changed = threading.Condition()
        self._closing = False
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._receive, name=f"udp {self.address}", daemon=True)
        self._thread.start()
        return StreamInfo(self.width, self.height, source=f"udp://{self.address}", live=True)

    def run(self) -> Iterator[Events | Reset | Watermark]:
        """Yield events as they come."""
        state = datagrams.new_state()
        order = self._new_order()
        heard = None
        looked = time.monotonic()
        while True:
            received = self._next(_POLL_S)
            now = time.monotonic()
            if received is not None:
                heard = now
                yield from self._packets(*received, state, order)
            elif heard is not None and self.silence is not None and now - heard > self.silence / 1e6:
                return
            else:
                yield Watermark(order.reached)  # also before anything came, so that the run may end
            if now - looked > _LOOK_S or received is None:
                looked = now
                self._count(state, order)

    def close(self, *, complete: bool) -> None:
        """Stop listening."""
        if hasattr(self, "_thread"):
            self._closing = True
            self._thread.join()
            self._socket.close()
        super().close(complete=complete)

    def _packets(self, slab: many.Slab, lengths: Any, state: Any, order: TimeOrder) -> Iterator[Events | Reset]:
        batch = Batch(int(lengths.sum()) // datagrams.LEAST_EVENT)
        words = batch.records.view(np.int64)
        size = (self.width, self.height)
        made = datagrams.decode(self.layout, slab.data, lengths, time.time_ns() // 1000, words, state, size)
        self._give_back(slab)
        yield from mended_packets(order, batch, made, *size)

    def _new_order(self) -> TimeOrder:
        return TimeOrder("clamp", max_backstep=self.max_backstep, on_jump="reset", name=f"udp://{self.address}")

    def _count(self, state: Any, order: TimeOrder) -> None:
        counts = {
            "outside": int(state[datagrams.OUTSIDE]),
            "damaged datagrams": int(state[datagrams.DAMAGED]),
            "odd bytes": int(state[datagrams.ODD_BYTES]),
            "datagrams dropped by the system": many.dropped_by_kernel(self._socket) or 0,
        }
        self.skipped.update({name: value - self.skipped[name] for name, value in counts.items() if value})
        self.repaired.update({name: value - self.repaired[name] for name, value in order.repaired.items()})

    # The receiving thread: it does nothing but empty the system's buffer.

    def _receive(self) -> None:
        while not self._closing:
            slab = self._take_free()
            if slab is None:
                time.sleep(0.001)  # the system's own buffer is the last resort, and what it drops is counted
                continue
            try:
                lengths = slab.receive(self._socket, _POLL_S)
            except OSError as error:
                self._error = error
                return
            with self._changed:
                if len(lengths):
                    self._filled.append((slab, lengths))
                    self._changed.notify()
                else:
                    self._free.append(slab)

    def _take_free(self) -> many.Slab | None:
        with self._changed:
            if self._free:
                return self._free.pop()
            if self._slabs >= _SLABS:
                return None
            self._slabs += 1
        return many.Slab(_ROWS, self.largest)

    def _next(self, timeout_s: float) -> tuple[many.Slab, Any] | None:
        with self._changed:
            if not self._filled:
                self._changed.wait(timeout_s)
            if self._filled:
                found: tuple[many.Slab, Any] = self._filled.popleft()
                return found
        if self._error is not None:
            raise LinkError(f"udp://{self.address}: receiving failed: {self._error}")
        return None

    def _give_back(self, slab: many.Slab) -> None:
        with self._changed:
            self._free.append(slab)
