"""The content hash of a stream: the same however the stream was cut into packets.

Events count as their records joined, not as packets; every other message counts with its kind, its time and each
field. The digest can be put away in plain values and taken up again in another process, which hashlib's own objects
cannot: the bytes are therefore hashed in blocks of 64 KiB, each block together with the digest of those before it.
"""

from __future__ import annotations

from dataclasses import fields
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.events import Events
from eventflow.messages import Message, time_of

if TYPE_CHECKING:
    from collections.abc import Iterable

_BLOCK_BYTES = 1 << 16
_DIGEST_BYTES = 32
_XYP = np.uint64(0xFF_FFFF_FFFF)


class _Chain:
    """A resumable hash of bytes; where they were cut does not matter."""

    def __init__(self, digest: bytes = b"", pending: bytes = b"") -> None:
        self._digest = digest
        self._pending = bytearray(pending)

    def update(self, data: Any) -> None:
        rest = memoryview(data).cast("B")
        if self._pending:
            missing = _BLOCK_BYTES - len(self._pending)
            self._pending += rest[:missing]
            rest = rest[missing:]
            if len(self._pending) < _BLOCK_BYTES:
                return
            self._absorb(self._pending)
            self._pending = bytearray()
        whole = len(rest) - len(rest) % _BLOCK_BYTES
        for begin in range(0, whole, _BLOCK_BYTES):
            self._absorb(rest[begin : begin + _BLOCK_BYTES])
        self._pending += rest[whole:]

    def _absorb(self, block: bytearray | memoryview) -> None:
        hasher = blake2b(self._digest, digest_size=_DIGEST_BYTES)
        hasher.update(block)
        self._digest = hasher.digest()

    def digest(self) -> bytes:
        return blake2b(self._digest + bytes(self._pending), digest_size=_DIGEST_BYTES).digest()

    def state(self) -> list[bytes]:
        return [self._digest, bytes(self._pending)]


class _Column:
    """An optional column of an unbroken run of events. Events without it count as zeros once any event has it."""

    def __init__(self, dtype: str, present: bool = False, chain: _Chain | None = None) -> None:
        self._dtype = dtype
        self._present = present
        self._chain = chain or _Chain()

    def update(self, values: np.ndarray[Any, Any] | None, count: int, count_before: int) -> None:
        if values is None:
            if self._present:
                self._chain.update(np.zeros(count, self._dtype))
            return
        if not self._present:
            self._present = True
            self._chain.update(np.zeros(count_before, self._dtype))
        self._chain.update(np.ascontiguousarray(values))

    def digest(self) -> bytes:
        return self._chain.digest() if self._present else b""

    def state(self) -> list[Any]:
        return [self._present, *self._chain.state()]


class ContentDigest:
    """The running content hash of a stream of messages.

    The hash of Events covers the sensor size, the records, and labels and scores where they are present; that of
    another message its kind, its time, and of every field the value, or the dtype, shape and bytes.
    """

    def __init__(self) -> None:
        self._main = _Chain()
        self._begin_run()

    def _begin_run(self) -> None:
        self._count = 0
        self._geometry = (0, 0)
        self._labels = _Column("u1")
        self._scores = _Column("<f4")

    def add(self, message: Any) -> None:
        """Take in the next message of the stream: Events or any Message."""
        if isinstance(message, Events):
            self._add_events(message)
        else:
            self._end_run()
            self._add_fields(message)

    def hexdigest(self) -> str:
        """Return the hash of all messages so far, 64 hexadecimal digits; more may be added afterwards."""
        twin = ContentDigest()
        twin.restore(self.state())
        twin._end_run()
        return twin._main.digest().hex()

    def state(self) -> dict[str, Any]:
        """Return the digest in plain values."""
        return {
            "main": self._main.state(),
            "count": self._count,
            "geometry": list(self._geometry),
            "labels": self._labels.state(),
            "scores": self._scores.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to what `state` returned."""
        self._main = _Chain(*state["main"])
        self._count = state["count"]
        self._geometry = (state["geometry"][0], state["geometry"][1])
        self._labels = _column_from_state("u1", state["labels"])
        self._scores = _column_from_state("<f4", state["scores"])

    def _add_events(self, events: Events) -> None:
        if not len(events):
            return
        geometry = (events.width, events.height)
        if self._count and geometry != self._geometry:
            self._end_run()
        self._geometry = geometry
        self._main.update(_unpadded(events.records))
        self._labels.update(events.labels, len(events), self._count)
        self._scores.update(events.scores, len(events), self._count)
        self._count += len(events)

    def _end_run(self) -> None:
        if self._count:
            width, height = self._geometry
            self._main.update(f"\0Events {self._count} {width}x{height}\0".encode())
            self._main.update(self._labels.digest())
            self._main.update(self._scores.digest())
        self._begin_run()

    def _add_fields(self, message: Message) -> None:
        self._main.update(f"\0{type(message).__name__} {time_of(message)}\0".encode())
        for declared in fields(message):  # type: ignore[arg-type]
            self._main.update(f"\0{declared.name}\0".encode())
            self._add_value(getattr(message, declared.name))

    def _add_value(self, value: Any) -> None:
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, np.ndarray):
            self._main.update(f"{value.dtype.str} {value.shape}\0".encode())
            self._main.update(np.ascontiguousarray(value).reshape(-1).view("u1"))
        elif isinstance(value, Events):
            self._main.update(bytes.fromhex(content_hash([value])))
        else:
            self._main.update(f"{type(value).__name__} {value!r}\0".encode())


def _unpadded(records: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    # numpy's own copies of aligned records leave the pad bytes undefined
    words = records.view("<u8").reshape(-1, 2).copy()
    words[:, 1] &= _XYP
    return words.reshape(-1)


def _column_from_state(dtype: str, state: list[Any]) -> _Column:
    present, digest, pending = state
    return _Column(dtype, present, _Chain(digest, pending))


def content_hash(messages: Iterable[Any]) -> str:
    """Return the content hash of messages, independent of how events are cut into packets."""
    digest = ContentDigest()
    for message in messages:
        digest.add(message)
    return digest.hexdigest()
