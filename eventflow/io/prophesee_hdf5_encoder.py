"""Prophesee HDF5, written: chunks of 16384 events as ECF has them, triggers, and an index of both every 2 ms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, Final

import h5py
import numpy as np

from eventflow.errors import RecordingError
from eventflow.io import prophesee_hdf5_packing as kernels
from eventflow.io.decoder import Encoder
from eventflow.messages import Triggers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from eventflow.events import Events
    from eventflow.messages import Message

ECF: Final = 36559
"""Number of the codec among the filters of HDF5."""

EVENT: Final = np.dtype(
    {"names": ["x", "y", "p", "t"], "formats": ["<u2", "<u2", "<i2", "<i8"], "offsets": [0, 2, 4, 8], "itemsize": 16}
)
TRIGGER: Final = np.dtype(
    {"names": ["p", "t", "id"], "formats": ["<i2", "<i8", "<i2"], "offsets": [0, 8, 16], "itemsize": 24}
)
INDEX: Final = np.dtype([("id", "<u8"), ("ts", "<i8")])
_CHUNK: Final = kernels.CHUNK_EVENTS
_MOST_ENTRIES: Final = 1 << 25  # of an index: 18 hours; where time jumps further there is none beyond


class Chunks:
    """A dataset that grows by chunks, written as they are.

    Args:
        group: where it is.
        name: its name there.
        dtype: of an element.
        codec: number of the filter that its chunks have gone through, or None.
    """

    def __init__(self, group: h5py.Group, name: str, dtype: Any, codec: int | None = None) -> None:
        kind = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        kind.set_chunk((_CHUNK,))
        kind.set_obj_track_times(False)
        if codec is not None:
            kind.set_filter(codec, h5py.h5z.FLAG_OPTIONAL, ())
        space = h5py.h5s.create_simple((0,), (h5py.h5s.UNLIMITED,))
        made = h5py.h5d.create(group.id, name.encode(), h5py.h5t.py_create(dtype, logical=True), space, kind)
        self.dataset = h5py.Dataset(made)
        self.size = 0

    def append(self, count: int, data: Any) -> None:
        """Append a chunk of `count` elements; all but the last are full."""
        self.dataset.id.set_extent((self.size + count,))
        self.dataset.id.write_direct_chunk((self.size,), data)
        self.size += count


class Index:
    """The index of a dataset of events: where each period of 2 ms begins, as its chunks are written."""

    def __init__(self, group: h5py.Group) -> None:
        self._chunks = Chunks(group, "indexes", INDEX)
        self._state = np.zeros(kernels.INDEX_SLOTS, np.int64)
        self._state[[kernels.FIRST_T, kernels.BEFORE_T]] = -1
        self._entries = np.zeros((_CHUNK, 2), np.int64)
        self._filled = 0
        self._events = 0
        self._t0: int | None = None

    def take(self, halves: NDArray[np.int64]) -> None:
        """Index the next events (int64 pairs, of which the time counts)."""
        if self._t0 is None:
            self._t0 = int(halves[0])
            _set(self._chunks.dataset, "offset", str(-self._t0))
        at, count = 0, len(halves) // 2
        while at < count and self._chunks.size < _MOST_ENTRIES:
            at, self._filled = kernels.index(
                halves, at, self._events, self._t0, self._state, self._entries, self._filled
            )
            if self._filled == _CHUNK:
                self._flush()
        self._events += count

    def finish(self) -> None:
        """Write the last entry."""
        if self._t0 is not None:
            self._entries[self._filled] = self._state[[kernels.FIRST_ID, kernels.FIRST_T]]
            self._filled += 1
            self._flush()

    def _flush(self) -> None:
        self._entries[self._filled :] = 0
        self._chunks.append(self._filled, self._entries.data)
        self._filled = 0


class Hdf5Encoder(Encoder):
    """Writes a Prophesee HDF5 file."""

    streams = frozenset({"triggers"})

    def __init__(self, file: BinaryIO, *, width: int, height: int, entries: Mapping[str, str]) -> None:
        self._name = str(getattr(file, "name", "")).removesuffix(".part")
        self._hdf5 = h5py.File(file, "w")
        attributes = {**entries, "format": "ECF", "geometry": f"{width}x{height}", "version": "1.0"}
        for name, value in sorted(attributes.items()):
            _set(self._hdf5, name, value)
        events, triggers = self._hdf5.create_group("CD"), self._hdf5.create_group("EXT_TRIGGER")
        self._events, self._triggers = Chunks(events, "events", EVENT, ECF), Chunks(triggers, "events", TRIGGER)
        self._index, self._trigger_index = Index(events), Index(triggers)
        self._halves = np.empty(2 * _CHUNK, np.int64)
        self._filled = 0
        self._bytes = np.empty(kernels.LONGEST_CHUNK_BYTES, np.uint8)
        self._last = -(1 << 63)
        self._edges = np.zeros(_CHUNK, TRIGGER)
        self._edge_count = 0

    def write(self, events: Events) -> None:
        """Append events.

        Raises:
            RecordingError: time steps back.
        """
        halves = events.records.view(np.int64)
        while len(halves):
            if self._filled == 0 and len(halves) >= 2 * _CHUNK:
                taken = 2 * _CHUNK
                self._flush(halves[:taken])
            else:
                taken = min(2 * _CHUNK - self._filled, len(halves))
                self._halves[self._filled : self._filled + taken] = halves[:taken]
                self._filled += taken
                if self._filled == 2 * _CHUNK:
                    self._flush(self._halves)
                    self._filled = 0
            halves = halves[taken:]

    def add(self, stream: str, message: Message) -> None:
        """Append edges of external trigger lines; see Encoder.add."""
        if stream.partition(":")[0] != "triggers" or not isinstance(message, Triggers):
            super().add(stream, message)
            return
        for time, line, value in zip(message.time, message.line, message.value, strict=True):
            self._edges[self._edge_count] = (value, time, line)
            self._edge_count += 1
            if self._edge_count == _CHUNK:
                self._flush_edges()

    def finish(self) -> None:
        """Write the last chunks and the ends of the indexes."""
        if self._filled:
            self._flush(self._halves[: self._filled])
        if self._edge_count:
            self._flush_edges()
        self._index.finish()
        self._trigger_index.finish()
        self._hdf5.close()

    def discard(self) -> None:
        """Close the HDF5 file."""
        self._hdf5.close()

    def _flush(self, halves: NDArray[np.int64]) -> None:
        halves = halves.view()
        halves.flags.writeable = False
        size = kernels.encode(halves, self._bytes)
        if size < 0 or halves[0] < self._last:
            place = -1 - size if size < 0 else 0
            raise RecordingError(
                f"{self._name}: event {self._events.size + place} has t={halves[2 * place]} µs, earlier than the one "
                "before it, which ECF cannot say: pass backwards='clamp' or 'drop'"
            )
        self._last = int(halves[-2])
        self._events.append(len(halves) // 2, self._bytes[:size].data)
        self._index.take(halves)

    def _flush_edges(self) -> None:
        self._edges[self._edge_count :] = np.zeros((), TRIGGER)
        halves = np.zeros(2 * self._edge_count, np.int64)
        halves[::2] = self._edges["t"][: self._edge_count]
        halves.flags.writeable = False
        self._triggers.append(self._edge_count, self._edges.tobytes())
        self._trigger_index.take(halves)
        self._edge_count = 0


def _set(item: Any, name: str, text: str) -> None:
    """Set an attribute as OpenEB reads it: a string of variable length, of bytes that are no UTF-8."""
    item.attrs.create(name, text.encode("ascii", "replace"), dtype=h5py.string_dtype("ascii"))
