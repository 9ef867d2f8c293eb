"""`ef.connect`: the messages of a running graph's tap, in another program."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import zmq

from eventflow.errors import LinkError
from eventflow.messages import StreamInfo
from eventflow.runtime import wire
from eventflow.runtime.publish import address_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

_PACKETS = 32
_BYTES = 64_000_000


def connect(url: str, *, timeout_s: float = 5.0) -> Subscription:
    """Subscribe to a tap.

    Args:
        url: the tap's name on this host, or an address: tcp://HOST:PORT, ipc://PATH.
        timeout_s: how long to wait for an answer.

    Raises:
        LinkError: nobody answered in time, or the peer speaks another protocol.
    """
    return Subscription(url, timeout_s)


class Subscription:
    """The stream of a tap. Iterating yields its messages until it ends; usable with `with`.

    Attributes:
        info: the stream's description.
        missed: messages the tap dropped because this program was slow.
        received: messages by type.
    """

    def __init__(self, url: str, timeout_s: float) -> None:
        self.url = url if "://" in url else address_of(url)
        self.missed = 0
        self.received: Counter[str] = Counter()
        self.info = StreamInfo()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 500)
        self._socket.setsockopt(zmq.RCVHWM, 0)
        self._socket.setsockopt(zmq.RECONNECT_IVL, 20)
        self._socket.setsockopt(zmq.MAXMSGSIZE, wire.MAX_MESSAGE_BYTES)
        self._socket.connect(self.url)
        self._done_packets = self._done_bytes = 0
        try:
            self._greet(timeout_s)
        except BaseException:
            self.close()
            raise

    def _greet(self, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        self._say(wire.Hello(wire.VERSION, 0, "", "client", {}))
        while True:
            left_s = deadline - time.monotonic()
            if left_s <= 0 or not self._socket.poll(int(left_s * 1000)):
                raise LinkError(f"{self.url}: no tap answered within {timeout_s} s")
            header = wire.decode_header(self._socket.recv_multipart()[0])
            if isinstance(header, wire.Error):
                raise LinkError(f"{self.url}: {header.text}")
            if isinstance(header, wire.Hello):
                self.info = wire.info_from_plain(header.info)
                self._say(wire.Credit(wire.VERSION, 0, _PACKETS, _BYTES))
                return

    def __iter__(self) -> Iterator[Any]:
        while True:
            frames = self._socket.recv_multipart(copy=False)
            header = wire.decode_header(frames[0].buffer)
            if isinstance(header, wire.Eos):
                self._say(wire.EosAck(wire.VERSION, 0, header.seq))
                return
            if isinstance(header, wire.Error):
                raise LinkError(f"{self.url}: {header.text}")
            if isinstance(header, wire.Data):
                buffers = [frame.buffer for frame in frames[1:]]
                self.missed += header.gap
                self.received[header.type] += 1
                message = wire.message_from_frames(header, buffers)
                wire.check_events(message)
                yield message
                self._return_credit(sum(buffer.nbytes for buffer in buffers))

    def _return_credit(self, size: int) -> None:
        self._done_packets += 1
        self._done_bytes += size
        if self._done_packets * 2 >= _PACKETS or self._done_bytes * 2 >= _BYTES:
            self._say(wire.Credit(wire.VERSION, 0, self._done_packets, self._done_bytes))
            self._done_packets = self._done_bytes = 0

    def _say(self, header: wire.AnyHeader) -> None:
        self._socket.send(wire.encode_header(header))

    def close(self) -> None:
        """Leave the stream."""
        if not self._socket.closed:
            self._socket.close()
            self._context.term()

    def __enter__(self) -> Subscription:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
