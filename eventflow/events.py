"""Events: the packet that everything here reads and writes.

An event is a 16-byte record: `t` in µs, `x` to the right and `y` down from the top left pixel, `p` 0 (OFF) or 1 (ON).
The problem it solves: packets are handed to several nodes, threads and processes at once and must never change under
anyone's feet, and every kernel must be compiled for exactly one memory layout.

Invariants, kept by this file alone:
- `records` has EVENT_DTYPE, is C-contiguous, one-dimensional and read-only; its three pad bytes are zero.
- 0 <= x < width, 0 <= y < height, p <= 1.
- `ordered` is true only if t never decreases.
- `labels` (u1: 0 unknown, 1 signal, 2 noise) and `scores` (f4), where present, have one entry an event.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, Literal, overload

import numpy as np

from eventflow.errors import EventsError

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping, Sequence

    from numpy.typing import NDArray

EVENT_DTYPE: Final = np.dtype([("t", "<i8"), ("x", "<u2"), ("y", "<u2"), ("p", "u1")], align=True)

# Copying records field by field, as numpy does for a structured array, leaves the pad bytes as it found them.
_WHOLE: Final = np.dtype("V16")

UNKNOWN: Final = 0
SIGNAL: Final = 1
NOISE: Final = 2

FIELD_NAMES: Final = {
    "t": ("t", "ts", "timestamp", "timestamps", "time"),
    "x": ("x", "xs"),
    "y": ("y", "ys"),
    "p": ("p", "ps", "pol", "polarity", "on", "is_increase"),
}

# The exact record types of other libraries, by the name `to_numpy(like=)` takes.
LAYOUTS: Final[dict[str, np.dtype[Any]]] = {
    "eventflow": EVENT_DTYPE,
    "expelliarmus": np.dtype([("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("p", "u1")], align=True),
    "dv": np.dtype([("timestamp", "<i8"), ("x", "<i2"), ("y", "<i2"), ("polarity", "i1")], align=True),
    "metavision": np.dtype(
        {
            "names": ["x", "y", "p", "t"],
            "formats": ["<u2", "<u2", "<i2", "<i8"],
            "offsets": [0, 2, 4, 8],
            "itemsize": 16,
        }
    ),
    "faery": np.dtype([("t", "<u8"), ("x", "<u2"), ("y", "<u2"), (("p", "on"), "?")]),
    "aedat": np.dtype([("t", "<u8"), ("x", "<u2"), ("y", "<u2"), (("p", "on"), "?")]),
    "tonic": np.dtype([("x", "<i2"), ("y", "<i2"), ("t", "<i8"), ("p", "?")]),
    "evutils": np.dtype([("t", "<i8"), ("x", "<u2"), ("y", "<u2"), ("p", "u1")]),
}
_SAME_MEMORY: Final = frozenset({"eventflow", "expelliarmus", "dv"})

Unsorted = Literal["fail", "sort", "clamp", "drop", "keep"]
Outside = Literal["fail", "drop"]


class Events:
    """An immutable packet of events from one sensor.

    Args:
        records: shape (n,), EVENT_DTYPE. It is not copied; a read-only view of it is kept, so do not write to it later.
        width: sensor width in pixels.
        height: sensor height in pixels.
        ordered: whether t never decreases. None looks.
        labels: u1, shape (n,): 0 unknown, 1 signal, 2 noise.
        scores: f4, shape (n,).

    The constructor trusts x, y and p; `Events.from_numpy` checks them.
    """

    __slots__ = ("height", "labels", "ordered", "records", "scores", "width")

    def __init__(
        self,
        records: NDArray[np.void],
        width: int,
        height: int,
        *,
        ordered: bool | None = None,
        labels: NDArray[np.uint8] | None = None,
        scores: NDArray[np.float32] | None = None,
    ) -> None:
        if records.dtype != EVENT_DTYPE or records.ndim != 1:
            raise EventsError(
                f"records are {records.dtype} of shape {records.shape}, expected EVENT_DTYPE of shape (n,)"
            )
        self.records = _frozen(records)
        self.width = width
        self.height = height
        self.ordered = _is_ordered(records["t"]) if ordered is None else ordered
        self.labels = None if labels is None else _column(labels, np.uint8, len(records), "labels")
        self.scores = None if scores is None else _column(scores, np.float32, len(records), "scores")

    @classmethod
    def empty(cls, width: int, height: int) -> Events:
        """Return a packet of no events."""
        return cls(np.zeros(0, EVENT_DTYPE), width, height, ordered=True)

    @classmethod
    def concat(cls, packets: Sequence[Events]) -> Events:
        """Return one packet of all events, in the order given. All packets must have one geometry.

        Raises:
            EventsError: no packets, or geometries that differ.
        """
        if not packets:
            raise EventsError("cannot join zero packets: the sensor size would be unknown; use Events.empty")
        first = packets[0]
        for index, packet in enumerate(packets):
            if (packet.width, packet.height) != (first.width, first.height):
                raise EventsError(
                    f"packet {index} is {packet.width}x{packet.height}, packet 0 is {first.width}x{first.height}", index
                )
        if len(packets) == 1:
            return first
        filled = [packet for packet in packets if len(packet)]
        ordered = all(packet.ordered for packet in filled) and all(
            before.records["t"].item(-1) <= after.records["t"].item(0) for before, after in pairwise(filled)
        )
        return cls(
            np.concatenate([packet.records.view(_WHOLE) for packet in packets]).view(EVENT_DTYPE),
            first.width,
            first.height,
            ordered=ordered,
            labels=_concat_column(packets, "labels", np.uint8),
            scores=_concat_column(packets, "scores", np.float32),
        )

    @classmethod
    def from_numpy(
        cls,
        array: NDArray[Any],
        *,
        width: int,
        height: int,
        columns: str = "txyp",
        unsorted: Unsorted = "fail",
        outside: Outside = "fail",
        repaired: MutableMapping[str, int] | None = None,
    ) -> Events:
        """Return checked events from another library's array.

        Args:
            array: a structured array (fields are found by name: t/ts/timestamp, x, y, p/pol/polarity/on/is_increase),
                or shape (n, 4) with the order of `columns`. Times are µs; polarity is bool, 0/1 or -1/1. Never written.
            width: sensor width in pixels.
            height: sensor height in pixels.
            columns: order of the columns of an (n, 4) array.
            unsorted: what to do where t steps back. `fail`; `sort` (stable); `clamp` to the largest time before;
                `drop` the event; `keep` it and say `ordered=False`.
            outside: what to do with pixels beyond the sensor: `fail` or `drop`.
            repaired: if given, counts of what was mended are added to it by reason.

        Raises:
            EventsError: an invariant is broken; `index` is the first offender.
        """
        t, x, y, p = _columns(array, columns)
        records = np.zeros(len(t), EVENT_DTYPE)
        records["t"] = _checked_times(t)
        records["p"] = _checked_polarity(p)
        inside = _inside(x, width, "x") & _inside(y, height, "y")
        with np.errstate(invalid="ignore"):
            records["x"] = np.where(inside, x, 0)
            records["y"] = np.where(inside, y, 0)
        if not inside.all():
            index = int(np.argmin(inside))
            if outside == "fail":
                raise EventsError(
                    f"event {index} is at x={x[index]}, y={y[index]}, beyond the {width}x{height} sensor; "
                    "give the right width and height, or outside='drop'",
                    index,
                )
            _count(repaired, "outside", int(len(inside) - np.count_nonzero(inside)))
            records = np.compress(inside, records.view(_WHOLE)).view(EVENT_DTYPE)
        records, ordered = _order(records, unsorted, repaired)
        return cls(records, width, height, ordered=ordered)

    def to_numpy(self, like: str = "eventflow") -> NDArray[Any]:
        """Return the events as another library's structured array.

        Args:
            like: eventflow, expelliarmus, dv, metavision, faery, aedat, tonic or evutils. The first three share the
                memory of this packet (and are read-only); the others are copies.
        """
        if like not in LAYOUTS:
            raise EventsError(f"no layout is named {like!r}; known: {', '.join(LAYOUTS)}")
        layout = LAYOUTS[like]
        if like in _SAME_MEMORY:
            return self.records.view(layout)
        array = np.zeros(len(self), layout)
        for name in layout.names or ():
            source = next(ours for ours, theirs in FIELD_NAMES.items() if name in theirs)
            array[name] = self.records[source]
        return array

    @property
    def t(self) -> NDArray[np.int64]:
        """Times, µs: int64, shape (n,), a strided view. Kernels take `records`, never this."""
        return self.records["t"]

    @property
    def x(self) -> NDArray[np.uint16]:
        """Columns, px: uint16, shape (n,), a strided view. `x - 1` at 0 wraps to 65535."""
        return self.records["x"]

    @property
    def y(self) -> NDArray[np.uint16]:
        """Rows, px: uint16, shape (n,), a strided view."""
        return self.records["y"]

    @property
    def p(self) -> NDArray[np.uint8]:
        """Polarities, 0 or 1: uint8, shape (n,), a strided view."""
        return self.records["p"]

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, key: slice | NDArray[np.bool_]) -> Events:
        """Return the events of a step-1 slice (sharing memory) or of a boolean mask (a copy)."""
        labels, scores = self.labels, self.scores
        if isinstance(key, slice):
            if key.step not in (None, 1):
                raise EventsError(f"events are sliced with step 1, not {key.step}: a packet is contiguous")
            part = self.records[key]
            labels = None if labels is None else labels[key]
            scores = None if scores is None else scores[key]
        else:
            if not isinstance(key, np.ndarray) or key.dtype != np.bool_ or key.shape != self.records.shape:
                raise EventsError(
                    f"events are indexed with a slice or a bool array of shape ({len(self)},), not {key!r}"
                )
            # compress takes 2 ns an event where indexing with the mask takes 25
            part = np.compress(key, self.records.view(_WHOLE)).view(EVENT_DTYPE)
            labels = None if labels is None else np.compress(key, labels)
            scores = None if scores is None else np.compress(key, scores)
        return Events(part, self.width, self.height, ordered=self.ordered, labels=labels, scores=scores)

    def between(self, t0: int, t1: int) -> Events:
        """Return the events with t0 <= t < t1 (µs), sharing memory.

        Raises:
            EventsError: the events are not in time order.
        """
        if not self.ordered:
            raise EventsError("between() needs events in time order; take events.sorted()")
        first, last = np.searchsorted(self.records["t"], (t0, t1))
        return self[int(first) : int(last)]

    def sorted(self) -> Events:
        """Return the events in time order; those of one time stay in the order they have."""
        if self.ordered:
            return self
        order = np.argsort(self.records["t"], kind="stable")
        return Events(
            self.records.view(_WHOLE)[order].view(EVENT_DTYPE),
            self.width,
            self.height,
            ordered=True,
            labels=None if self.labels is None else self.labels[order],
            scores=None if self.scores is None else self.scores[order],
        )

    def with_columns(
        self, *, labels: NDArray[np.uint8] | None = None, scores: NDArray[np.float32] | None = None
    ) -> Events:
        """Return the same events with `labels` or `scores` set. What is None stays as it is."""
        return Events(
            self.records,
            self.width,
            self.height,
            ordered=self.ordered,
            labels=self.labels if labels is None else labels,
            scores=self.scores if scores is None else scores,
        )

    def __iter__(self) -> Iterator[Any]:
        raise EventsError("iterate over ev.records, or over the columns ev.t, ev.x, ev.y, ev.p")

    def __repr__(self) -> str:
        if not len(self):
            return f"Events(0, {self.width}x{self.height})"
        first, last = self.records[0]["t"], self.records[-1]["t"]
        order = "" if self.ordered else ", unordered"
        return f"Events({len(self)}, {self.width}x{self.height}, {first}..{last} µs{order})"


@overload
def _frozen(array: NDArray[np.void]) -> NDArray[np.void]: ...
@overload
def _frozen(array: NDArray[Any]) -> NDArray[Any]: ...
def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    if not array.flags.c_contiguous:
        array = (
            np.ascontiguousarray(array.view(_WHOLE)).view(EVENT_DTYPE) if array.dtype == EVENT_DTYPE else array.copy()
        )
    if array.flags.writeable:
        array = array.view()
        array.flags.writeable = False
    return array


def _column(array: NDArray[Any], dtype: type[np.generic], count: int, name: str) -> NDArray[Any]:
    column = np.asarray(array, dtype)
    if column.shape != (count,):
        raise EventsError(f"{name} have shape {column.shape}, expected ({count},)")
    return _frozen(column)


def _concat_column(packets: Sequence[Events], name: str, dtype: type[np.generic]) -> NDArray[Any] | None:
    columns = [getattr(packet, name) for packet in packets]
    if all(column is None for column in columns):
        return None
    pairs = zip(columns, packets, strict=True)
    return np.concatenate([np.zeros(len(packet), dtype) if column is None else column for column, packet in pairs])


def _is_ordered(t: NDArray[np.int64]) -> bool:
    return bool((t[1:] >= t[:-1]).all())


def _count(repaired: MutableMapping[str, int] | None, reason: str, count: int) -> None:
    if repaired is not None and count:
        repaired[reason] = repaired.get(reason, 0) + count


def _columns(array: NDArray[Any], order: str) -> list[NDArray[Any]]:
    if array.dtype.names is None:
        if sorted(order) != sorted("txyp"):
            raise EventsError(f"columns={order!r}: expected the letters t, x, y, p in the order of the columns")
        if array.ndim != 2 or array.shape[1] != 4:
            raise EventsError(f"array has shape {array.shape}, expected (n, 4) or a structured array")
        return [array[:, order.index(name)] for name in "txyp"]
    found = []
    fields: Any = array.dtype.fields or {}
    for ours, theirs in FIELD_NAMES.items():
        names = [name for name in theirs if name in fields]
        if not names:
            raise EventsError(f"no field for {ours!r} among {list(fields)}; known names: {', '.join(theirs)}")
        found.append(array[names[0]].reshape(-1))
    return found


def _checked_times(t: NDArray[Any]) -> NDArray[Any]:
    if t.dtype.kind == "f":
        bad = ~np.isfinite(t) | (t != np.floor(t))
        if bad.any():
            index = int(np.argmax(bad))
            raise EventsError(
                f"event {index} has t={t[index]!r}, expected whole µs; if these are seconds, "
                "pass (t * 1e6).round().astype('int64')",
                index,
            )
    elif t.dtype.kind == "u" and len(t) and int(t.max()) > np.iinfo(np.int64).max:
        index = int(np.argmax(t > np.iinfo(np.int64).max))
        raise EventsError(f"event {index} has t={t[index]}, beyond 2^63 µs", index)
    return t


def _checked_polarity(p: NDArray[Any]) -> NDArray[np.bool_]:
    bad = (p != 0) & (p != 1) & (p != -1) if p.dtype.kind in "if" else p > 1
    if bad.any():
        index = int(np.argmax(bad))
        raise EventsError(f"event {index} has polarity {p[index]!r}, expected 0/1, -1/1 or a bool", index)
    return p > 0


def _inside(values: NDArray[Any], size: int, name: str) -> NDArray[np.bool_]:
    if values.dtype.kind == "f":
        whole = np.isfinite(values) & (values == np.floor(values))
        if not whole.all():
            index = int(np.argmin(whole))
            raise EventsError(f"event {index} has {name}={values[index]!r}, expected a whole pixel", index)
    return (values >= 0) & (values < size)


def _order(
    records: NDArray[np.void], unsorted: Unsorted, repaired: MutableMapping[str, int] | None
) -> tuple[NDArray[np.void], bool]:
    t = records["t"]
    if _is_ordered(t):
        return records, True
    steps_back = t[1:] < t[:-1]
    index = int(np.argmax(steps_back)) + 1
    if unsorted == "fail":
        raise EventsError(
            f"event {index} has t={t[index]} after t={t[index - 1]}; "
            "choose unsorted='sort', 'clamp', 'drop' or 'keep' to accept it",
            index,
        )
    if unsorted == "keep":
        return records, False
    if unsorted == "sort":
        _count(repaired, "sorted", int(np.count_nonzero(steps_back)))
        return records.view(_WHOLE)[np.argsort(t, kind="stable")].view(EVENT_DTYPE), True
    highest = np.maximum.accumulate(t)
    late = t < highest
    if unsorted == "clamp":
        _count(repaired, "clamped", int(np.count_nonzero(late)))
        records["t"] = highest
        return records, True
    _count(repaired, "backwards", int(np.count_nonzero(late)))
    return np.compress(~late, records.view(_WHOLE)).view(EVENT_DTYPE), True
