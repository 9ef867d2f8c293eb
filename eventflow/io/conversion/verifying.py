"""A target read back and compared with what was to be written; what the format cannot say is named."""

from __future__ import annotations

import hashlib
import inspect
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.errors import RecordingError
from eventflow.events import Events
from eventflow.io.conversion.geometry import Placement
from eventflow.io.recording import open as open_recording
from eventflow.io.table import format_named

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator

    from eventflow.io.conversion.settings import Settings

_TOGETHER: Final = 1 << 16


class Seen:
    """Hashes of the columns of a stream of events, and of the times of the messages beside it."""

    def __init__(self) -> None:
        self.events = 0
        self._columns = {name: hashlib.blake2b(digest_size=16) for name in ("t", "x", "y", "p", "labels", "scores")}
        self._messages: dict[str, Any] = {}

    def take(self, events: Events) -> None:
        """Take in a packet."""
        self.events += len(events)
        for name, hasher in self._columns.items():
            column = getattr(events, name)
            if column is not None:
                hasher.update(np.ascontiguousarray(column).data)

    def take_message(self, stream: str, message: Any) -> None:
        """Take in a message; two streams of one kind count together."""
        times = message.t if isinstance(message, Events) else getattr(message, "time", None)
        times = np.array([message.t], np.int64) if times is None else times
        hasher = self._messages.setdefault(stream.partition(":")[0], np.zeros(2, np.uint64))
        # a sum, since two streams of one kind may come back in another order
        mixed = times.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        hasher += np.array((len(times), int((mixed ^ (mixed >> np.uint64(29))).sum())), np.uint64)

    def different(self, other: Seen) -> list[str]:
        """Return the columns that are not equal."""
        if self.events != other.events:
            return ["events"]
        return [name for name, own in self._columns.items() if own.digest() != other._columns[name].digest()]

    def different_messages(self, other: Seen) -> list[str]:
        """Return the kinds of messages whose numbers or times are not equal."""
        names = sorted({*self._messages, *other._messages})
        nothing = np.zeros(2, np.uint64)
        return [n for n in names if (self._messages.get(n, nothing) != other._messages.get(n, nothing)).any()]


def verified(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    settings: Settings,
    report: dict[str, Any],
    written: Seen,
) -> list[str]:
    """Read `target` back and return what its format changed, in words: [] if everything came back equal.

    Raises:
        RecordingError: something is different that the format does not account for.
    """
    back = Seen()
    size = _size(report)
    with open_recording(target, **size) as recording:
        for packet in recording:
            back.take(packet)
        damage = dict(recording.skipped)
        for name in (*recording.streams, *recording.info.possible):
            if name.partition(":")[0] in report["messages"] or name in report["messages"]:
                for message in recording.messages(name):
                    back.take_message(name, message)
    if damage:
        raise RecordingError(f"{target}: reading it back skipped {_counts(damage)}: it is damaged")
    given_up = {name.partition(":")[0] for name in report["left_behind"]}
    if streams := [name for name in written.different_messages(back) if name not in given_up]:
        raise RecordingError(f"{target}: {', '.join(streams)} came back with other times or in another number")
    columns = written.different(back)
    gone = [name for name in ("labels", "scores") if name in columns and name in report["left_behind"]]
    rest = [name for name in columns if name not in gone]
    losses = [f"{name} left behind" for name in gone]
    return losses + (_explained(source, target, settings, size, rest) if rest else [])


def _size(report: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of `open` for a target: its format, and its size where that format takes one."""
    takes = inspect.signature(format_named(report["format"]).load().open_decoder).parameters
    return {"format": report["format"]} | {name: report[name] for name in ("width", "height") if name in takes}


def _explained(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    settings: Settings,
    size: dict[str, Any],
    columns: list[str],
) -> list[str]:
    """Compare event by event; return what the format changed alike in all of them.

    Raises:
        RecordingError: the events are different ones.
    """
    if str(source) == "-":
        raise RecordingError(f"{target}: {', '.join(columns)} came back different, and a pipe is not read twice")
    offsets: set[int] = set()
    moved = index = 0
    with open_recording(source, **settings.reading) as ours, open_recording(target, **size) as theirs:
        placement = Placement(settings, ours.info.width, ours.info.height)
        for one, other in _side_by_side((placement.events(packet) for packet in ours), iter(theirs)):
            if len(one) != len(other):
                shorter = min(len(one), len(other))
                what = "ends" if len(other) < len(one) else "goes on"
                raise RecordingError(f"{target}: read back it {what} at event {index + shorter}")
            offsets |= {int(step) for step in np.unique(one.t - other.t)[:3]}
            first, second = _by_time(one), _by_time(other)
            same = [np.array_equal(getattr(first, name), getattr(second, name)) for name in "xyp"]
            if not all(same) or len(offsets) > 1:
                raise RecordingError(
                    f"{target}: {', '.join(columns)} came back different, "
                    f"first within events {index} to {index + len(one)}"
                )
            moved += int(np.count_nonzero((one.x != other.x) | (one.y != other.y) | (one.p != other.p)))
            index += len(one)
    offset = next(iter(offsets), 0)
    order = [f"{moved} events of one time in another order"] if moved else []
    return order + ([f"all times {offset} µs lower: the format counts from its first event"] if offset else [])


def _by_time(events: Events) -> Events:
    order = np.lexsort((events.p, events.x, events.y, events.t))
    return Events(events.records[order], events.width, events.height, ordered=None)


def _side_by_side(ours: Iterable[Events], theirs: Iterator[Events]) -> Iterator[tuple[Events, Events]]:
    """Yield events of both streams in pieces of one length, cut where time goes on; shorter only at an end."""
    left, right = _Pieces(iter(ours)), _Pieces(theirs)
    while True:
        count = left.cut(_TOGETHER)
        one, other = left.take(count), right.take(count or 1)
        if one is None and other is None:
            return
        empty = Events.empty((one or other).width, (one or other).height)  # type: ignore[union-attr]
        yield one or empty, other or empty


class _Pieces:
    def __init__(self, packets: Iterator[Events]) -> None:
        self._packets = packets
        self._held: Events | None = None

    def cut(self, about: int) -> int:
        """Return a number of events near `about` after which another time begins, or that end the stream."""
        self._hold(about)
        while self._held is not None:
            times = self._held.t
            changes = np.flatnonzero(times[about:] != times[about - 1 : -1])
            if len(times) > about and len(changes):
                return about + int(changes[0])
            before = len(self._held)
            self._hold(2 * before)
            if len(self._held) == before:
                return before
        return 0

    def take(self, count: int) -> Events | None:
        self._hold(count)
        if self._held is None:
            return None
        piece, self._held = self._held[:count], self._held[count:]
        return piece if len(piece) else None

    def _hold(self, count: int) -> None:
        while (0 if self._held is None else len(self._held)) < count:
            packet = next(self._packets, None)
            if packet is None:
                return
            self._held = packet if self._held is None else Events.concat([self._held, packet])


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in counts.items())
