"""HDF5 files of events, written chunk by chunk: the layouts of DSEC and M3ED, MVSEC, event_utils.

The bytes depend on the events alone: nothing in the file says when it was made.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import h5py
import numpy as np

from eventflow.errors import ParameterError, RecordingError
from eventflow.io.decoder import Encoder
from eventflow.io.hdf5_packing import COMPRESSIONS, GrowingDataset
from eventflow.messages import Frame

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from eventflow.events import Events
    from eventflow.messages import Message

_LONGEST_US: Final = {"<u4": 1 << 32, "<i8": 86_400_000_000}
_EXACT_US: Final = 1 << 52  # float64 seconds beyond are more than half a µs apart


class _Hdf5Encoder(Encoder):
    """A file of growing datasets."""

    def __init__(self, file: BinaryIO, *, width: int, height: int, compression: str) -> None:
        if compression not in COMPRESSIONS:
            raise ParameterError(f"compression={compression!r} is not allowed; choose {', '.join(COMPRESSIONS)}")
        self._target = file
        self._file = _created(file)
        self._size = width, height
        self._compression = compression
        self._written = 0

    def _columns(self, group: str, types: Mapping[str, str]) -> dict[str, GrowingDataset]:
        made = self._file.require_group(group)
        return {name: GrowingDataset(made, name, dtype, self._compression) for name, dtype in types.items()}

    def finish(self) -> None:
        """Close the HDF5 file; the file under it stays open."""
        if self._file.driver == "core":
            self._file.flush()
            self._target.write(self._file.id.get_file_image())
        self._file.close()


class IndexedEncoder(_Hdf5Encoder):
    """Writes t, x, y, p and an index of milliseconds, as DSEC and M3ED have them.

    Args:
        file: can seek.
        width: sensor width, px.
        height: sensor height, px.
        compression: zstd, gzip or none.
        group: where the columns go.
        time_type: of t: "<u4", or "<i8".
        index: where the index goes: for each ms the first row at or after it.
        offset: where the time of the first event goes, to which t is relative; "" where t is not.
    """

    def __init__(
        self,
        file: BinaryIO,
        *,
        width: int,
        height: int,
        compression: str,
        group: str,
        time_type: str,
        index: str,
        offset: str,
    ) -> None:
        super().__init__(file, width=width, height=height, compression=compression)
        self._datasets = self._columns(group, {"t": time_type, "x": "<u2", "y": "<u2", "p": "|u1"})
        self._longest_us, self._offset_name = _LONGEST_US[time_type], offset
        where, _, name = index.rpartition("/")
        self._index = GrowingDataset(self._file.require_group(where or "/"), name, "<u8", compression)
        self._t_offset: int | None = None if offset else 0
        self._last: int | None = None
        self._next_ms = 0
        if group.startswith("prophesee"):
            self._file[group].create_dataset("calib/resolution", data=np.array([width, height], "<i8"))
        else:
            self._file.attrs.update(width=np.int64(width), height=np.int64(height))

    def write(self, events: Events) -> None:
        """Append events.

        Raises:
            RecordingError: times step back, or lie too far from the first one.
        """
        if not len(events):
            return
        t = np.ascontiguousarray(events.t)
        if self._t_offset is None:
            self._t_offset = int(t[0])
        self._check(t, ordered=events.ordered)
        t = t - self._t_offset
        self._add_to_index(t)
        for name, column in (("t", t), ("x", events.x), ("y", events.y), ("p", events.p)):
            self._datasets[name].append(column)
        self._written += len(t)
        self._last = int(t[-1]) + self._t_offset

    def finish(self) -> None:
        """Write what is left in memory and close the HDF5 file."""
        for dataset in (*self._datasets.values(), self._index):
            dataset.finish()
        if self._offset_name:
            self._file.create_dataset(self._offset_name, data=np.int64(self._t_offset or 0))
        super().finish()

    def _check(self, t: NDArray[np.int64], *, ordered: bool) -> None:
        assert self._t_offset is not None
        before = np.concatenate(([t[0] if self._last is None else self._last], t[:-1]))
        back = not ordered or t[0] < before[0]
        far = (t[0] < self._t_offset) | (t[-1] - self._t_offset >= self._longest_us)
        if not back and not far:
            return
        wrong = (t < before) | (t < self._t_offset) | (t - self._t_offset >= self._longest_us)
        if not wrong.any():
            return
        index = int(np.argmax(wrong))
        where = f"this HDF5 layout cannot hold event {self._written + index} at t={t[index]} µs"
        if t[index] < before[index]:
            raise RecordingError(f"{where}: it lies after t={before[index]} µs; sort or mend the events first")
        raise RecordingError(
            f"{where}: times reach from {self._t_offset} to {self._t_offset + self._longest_us - 1} µs; "
            "cut the recording, or shift it to start at 0 (origin: zero)"
        )

    def _add_to_index(self, t: NDArray[np.int64]) -> None:
        """Append the first rows at or after each ms up to the last time, so many of them at once."""
        last = int(t[-1]) // 1000
        while self._next_ms <= last:
            ms = np.arange(self._next_ms, min(last + 1, self._next_ms + (1 << 16)))
            self._index.append(np.searchsorted(t, ms * 1000) + self._written)
            self._next_ms += len(ms)


class TableEncoder(_Hdf5Encoder):
    """Writes one float64 dataset of shape (n, 4), t in s and p -1 or 1, as MVSEC has it."""

    def __init__(self, file: BinaryIO, *, width: int, height: int, compression: str, name: str, order: str) -> None:
        super().__init__(file, width=width, height=height, compression=compression)
        group, _, last = name.rpartition("/")
        self._table = GrowingDataset(self._file.require_group(group), last, "<f8", compression, across=4)
        self._order = order
        self._file.attrs.update(width=np.int64(width), height=np.int64(height))

    def write(self, events: Events) -> None:
        """Append events.

        Raises:
            RecordingError: a time is too large to be told to the µs.
        """
        table = np.empty((len(events), 4))
        columns: dict[str, NDArray[Any]] = {"x": events.x, "y": events.y, "p": events.p * 2.0 - 1}
        columns["t"] = _seconds(events, self._written)
        for index, name in enumerate(self._order):
            table[:, index] = columns[name]
        self._table.append(table)
        self._written += len(events)

    def finish(self) -> None:
        """Write what is left in memory and close the HDF5 file."""
        self._table.finish()
        super().finish()


class SecondsEncoder(_Hdf5Encoder):
    """Writes xs, ys, ts (float64, s), ps and frames, as event_utils does."""

    streams = frozenset(("frames",))

    def __init__(self, file: BinaryIO, *, width: int, height: int, compression: str) -> None:
        if max(width, height) > 1 << 15:
            raise RecordingError(f"this HDF5 layout holds sensors up to 32768x32768, not {width}x{height}")
        super().__init__(file, width=width, height=height, compression=compression)
        self._datasets = self._columns("events", {"xs": "<i2", "ys": "<i2", "ts": "<f8", "ps": "?"})
        self._on = self._frames = 0
        self._ends: list[float] = []

    def write(self, events: Events) -> None:
        """Append events.

        Raises:
            RecordingError: a time is too large to be told to the µs.
        """
        if not len(events):
            return
        ts = _seconds(events, self._written)
        for name, column in (("xs", events.x), ("ys", events.y), ("ts", ts), ("ps", events.p)):
            self._datasets[name].append(column)
        self._on += int(np.count_nonzero(events.p))
        self._written += len(events)
        self._ends = [*self._ends[:1], float(ts[0]), float(ts[-1])][:: 1 if not self._ends else 2]

    def add(self, stream: str, message: Message) -> None:
        """Append a frame."""
        if not isinstance(message, Frame):
            super().add(stream, message)
            return
        image = self._file.require_group("images").create_dataset(f"image{self._frames:09d}", data=message.image)
        kind = "greyscale" if message.image.ndim == 2 else "color_rgb"
        image.attrs.update(size=message.image.shape, timestamp=message.t / 1e6, type=kind)
        self._frames += 1

    def finish(self) -> None:
        """Write what is left in memory and what event_utils says of the whole, and close the HDF5 file."""
        for dataset in self._datasets.values():
            dataset.finish()
        first, last = (self._ends[0], self._ends[-1]) if self._ends else (0.0, 0.0)
        width, height = self._size
        said: dict[str, Any] = {"num_events": self._written, "num_pos": self._on, "num_neg": self._written - self._on}
        said |= {"t0": first, "tk": last, "duration": last - first, "num_imgs": self._frames, "num_flow": 0}
        self._file.attrs.update(said, sensor_resolution=np.array([height, width], "<i8"))
        super().finish()


def _created(file: BinaryIO) -> h5py.File:
    """Return an HDF5 file written to the same place, in memory where there is none.

    The library's way to write to a Python file crashes where that is closed before, as a failed write does.
    """
    name = getattr(file, "name", None)
    if isinstance(name, str) and os.path.isfile(name):
        return h5py.File(name, "w")
    return h5py.File("memory", "w", driver="core", backing_store=False)


def _seconds(events: Events, written: int) -> NDArray[np.float64]:
    t = np.ascontiguousarray(events.t)
    wrong = (t <= -_EXACT_US) | (t >= _EXACT_US)
    if wrong.any():
        index = int(np.argmax(wrong))
        raise RecordingError(f"event {written + index} at t={t[index]} µs cannot be told to the µs in seconds")
    seconds: NDArray[np.float64] = t / 1e6
    return seconds
