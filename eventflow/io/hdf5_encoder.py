"""HDF5 files of events, written chunk by chunk: the layouts of DSEC, M3ED, MVSEC and event_utils.

The bytes depend on the events and messages alone: nothing in the file says when it was made.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import h5py
import numpy as np

from eventflow.errors import ParameterError, RecordingError
from eventflow.events import Events
from eventflow.io.decoder import Encoder
from eventflow.io.hdf5_packing import COMPRESSIONS
from eventflow.io.hdf5_writing import IndexedEvents, Rows, TableEvents, columns, seconds_of
from eventflow.io.numpy_kernels import columns_of
from eventflow.io.trajectory import matrix_of
from eventflow.messages import Frame, Imu, Pose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from eventflow.messages import Message

_KINDS: Final = frozenset(("events", "frames", "imu", "poses"))


class _Hdf5Encoder(Encoder):
    """A file of growing datasets."""

    def __init__(self, file: BinaryIO, *, width: int, height: int, compression: str) -> None:
        if compression not in COMPRESSIONS:
            raise ParameterError(f"compression={compression!r} is not allowed; choose {', '.join(COMPRESSIONS)}")
        self._target = file
        self._file = _created(file)
        self._size = width, height
        self._compression = compression

    def finish(self) -> None:
        """Close the HDF5 file; the file under it stays open."""
        if self._file.driver == "core":
            self._file.flush()
            self._target.write(self._file.id.get_file_image())
        self._file.close()


class DsecEncoder(_Hdf5Encoder):
    """Writes t, x, y, p below `events`, `ms_to_idx` and `t_offset`."""

    def __init__(self, file: BinaryIO, *, width: int, height: int, compression: str) -> None:
        super().__init__(file, width=width, height=height, compression=compression)
        self._events = IndexedEvents(
            self._file, "events", compression, time_type="<u4", index="ms_to_idx", offset="t_offset"
        )
        self._file.attrs.update(width=np.int64(width), height=np.int64(height))

    def write(self, events: Events) -> None:
        """Append events; see IndexedEvents.write."""
        self._events.write(events)

    def finish(self) -> None:
        """Write what is left in memory and close the HDF5 file."""
        self._events.finish()
        super().finish()


class _CamerasEncoder(_Hdf5Encoder):
    """Events of two cameras, and rows of other streams beside them.

    A stream of which a message does not go with the ones before it (an image of another size, a time that the layout
    has no place for) is given up: its datasets leave the file.
    """

    streams = _KINDS
    _left: IndexedEvents | TableEvents

    def __init__(self, file: BinaryIO, *, width: int, height: int, compression: str) -> None:
        super().__init__(file, width=width, height=height, compression=compression)
        self._cameras: dict[str, IndexedEvents | TableEvents] = {}
        self._rows: dict[str, Rows] = {}

    def write(self, events: Events) -> None:
        """Append events of the left camera; see IndexedEvents.write and TableEvents.write."""
        self._left.write(events)

    def finish(self) -> None:
        """Write what is left in memory and close the HDF5 file."""
        for each in (self._left, *self._cameras.values(), *self._rows.values()):
            each.finish()
        super().finish()

    def _append(self, stream: str, types: dict[str, str], arrays: Sequence[NDArray[Any]]) -> None:
        """Append rows of a stream to its datasets, or give it up where they are of other shapes."""
        rows = self._rows.get(stream)
        if rows is None:
            rows = self._rows[stream] = Rows(self._file, types, self._compression)
        if rows.fits(*arrays):
            rows.append(*arrays)
        else:
            self._give_up(stream)

    def _give_up(self, stream: str) -> None:
        self.given_up |= {stream}
        if stream in self._rows:
            self._rows.pop(stream).drop()


class MvsecEncoder(_CamerasEncoder):
    """Writes tables of events below `davis/left` and `davis/right`, images, inertial samples and poses beside them."""

    def __init__(self, file: BinaryIO, *, width: int, height: int, compression: str) -> None:
        super().__init__(file, width=width, height=height, compression=compression)
        self._left = self._table("left")
        self._file.attrs.update(width=np.int64(width), height=np.int64(height))

    def holds(self, stream: str) -> bool:
        """Return whether a stream is of the left camera (no name) or the right one; see Encoder.holds."""
        kind, _, name = stream.partition(":")
        return kind in _KINDS and name in ("", "right")

    def add(self, stream: str, message: Any) -> None:
        """Append a message; see Encoder.add."""
        place = f"davis/{'right' if stream.endswith(':right') else 'left'}"
        if isinstance(message, Events):
            self._camera(stream).write(message)
        elif isinstance(message, Frame):
            before = self._camera("events:right" if stream.endswith(":right") else "events").written
            types = {f"{place}/image_raw": "|u1", f"{place}/image_raw_ts": "<f8"}
            types[f"{place}/image_raw_event_inds"] = "<i8"
            self._append(stream, types, (message.image[None], np.array([message.t / 1e6]), np.array([before])))
        elif isinstance(message, Imu):
            samples = np.concatenate((message.accel, message.gyro), axis=1)
            self._append(stream, {f"{place}/imu": "<f8", f"{place}/imu_ts": "<f8"}, (samples, message.time / 1e6))
        elif isinstance(message, Pose):
            arrays = matrix_of(message)[None], np.array([message.t / 1e6])
            self._append(stream, {f"{place}/pose": "<f8", f"{place}/pose_ts": "<f8"}, arrays)
        else:
            super().add(stream, message)

    def _camera(self, stream: str) -> IndexedEvents | TableEvents:
        if stream == "events":
            return self._left
        if stream not in self._cameras:
            self._cameras[stream] = self._table("right")
        return self._cameras[stream]

    def _table(self, side: str) -> TableEvents:
        return TableEvents(self._file, f"davis/{side}/events", self._compression, order="xytp")


class M3edEncoder(_CamerasEncoder):
    """Writes events below `prophesee/left` and `prophesee/right`, images and inertial samples of `ovc`, and poses.

    The images of all cameras have their times in one dataset, and so have all poses.
    """

    _NAMES: Final = {"events": ("right",), "frames": ("right", "rgb"), "imu": (), "poses": ("Cn_T_C0", "Ln_T_L0")}

    def __init__(self, file: BinaryIO, *, width: int, height: int, compression: str) -> None:
        super().__init__(file, width=width, height=height, compression=compression)
        self._left = self._camera("left")
        self._times: dict[str, list[int]] = {"ovc/ts": [], "ts": []}

    def holds(self, stream: str) -> bool:
        """Return whether the layout has a place of this name; see Encoder.holds."""
        kind, _, name = stream.partition(":")
        return kind in self._NAMES and name in ("", *self._NAMES[kind])

    def add(self, stream: str, message: Any) -> None:
        """Append a message; see Encoder.add."""
        name = stream.partition(":")[2]
        if isinstance(message, Events):
            if stream not in self._cameras:
                self._cameras[stream] = self._camera("right")
            self._cameras[stream].write(message)
        elif isinstance(message, Frame):
            image = message.image if message.image.ndim == 3 else message.image[:, :, None]
            camera = name or ("rgb" if image.shape[2] == 3 else "left")
            self._append_timed(stream, f"ovc/{camera}/data", "|u1", "ovc/ts", image, message.t)
        elif isinstance(message, Imu):
            types = {"ovc/imu/accel": "<f8", "ovc/imu/omega": "<f8", "ovc/imu/ts": "<i8"}
            self._append(stream, types, (message.accel, message.gyro, message.time))
        elif isinstance(message, Pose):
            self._append_timed(stream, name or "Cn_T_C0", "<f8", "ts", matrix_of(message), message.t)
        else:
            super().add(stream, message)

    def _append_timed(self, stream: str, path: str, dtype: str, clock: str, row: NDArray[Any], t: int) -> None:
        """Append a row whose time stands in a dataset that several streams share."""
        times = self._times[clock]
        at = self._rows[stream].written if stream in self._rows else 0
        if at < len(times) and times[at] != t:
            self._give_up(stream)
            return
        self._append(stream, {path: dtype}, (row[None],))
        if at == len(times) and stream not in self.given_up:
            times.append(t)
            self._append(clock, {clock: "<i8"}, (np.array([t]),))

    def _camera(self, side: str) -> IndexedEvents:
        group = f"prophesee/{side}"
        made = IndexedEvents(self._file, group, self._compression, time_type="<i8", index=f"{group}/ms_map_idx")
        self._file[group].create_dataset("calib/resolution", data=np.array(self._size, "<i8"))
        return made


class SecondsEncoder(_Hdf5Encoder):
    """Writes xs, ys, ts (float64, s), ps and frames, as event_utils does."""

    streams = frozenset(("frames",))

    def __init__(self, file: BinaryIO, *, width: int, height: int, compression: str) -> None:
        if max(width, height) > 1 << 15:
            raise RecordingError(f"this HDF5 layout holds sensors up to 32768x32768, not {width}x{height}")
        super().__init__(file, width=width, height=height, compression=compression)
        self._datasets = columns(
            self._file.require_group("events"), {"xs": "<i2", "ys": "<i2", "ts": "<f8", "ps": "?"}, compression
        )
        self._on = self._frames = self._written = 0
        self._ends: list[float] = []

    def write(self, events: Events) -> None:
        """Append events.

        Raises:
            RecordingError: a time is too large to be told to the µs.
        """
        for t, x, y, p in columns_of(events):
            ts = seconds_of(t, self._written)
            for name, column in (("xs", x), ("ys", y), ("ts", ts), ("ps", p)):
                self._datasets[name].append(column)
            self._on += int(np.count_nonzero(p))
            self._written += len(t)
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
