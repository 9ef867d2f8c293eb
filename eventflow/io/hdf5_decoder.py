"""One pass over an HDF5 file of events: what the layouts of the datasets share."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np

from eventflow.errors import EventflowError, RecordingError
from eventflow.io.columns_decoder import ColumnsDecoder, checked_unit
from eventflow.io.decoder import Batch, RecordingInfo
from eventflow.io.hdf5_columns import Hdf5Columns
from eventflow.io.hdf5_groups import Groups, threads_for
from eventflow.io.stream import packet_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import h5py
    from numpy.typing import NDArray

    from eventflow.io.decoder import Decoder
    from eventflow.io.hdf5_places import EventsPlace
    from eventflow.io.source import ByteSource
    from eventflow.messages import Message

    Messages = Callable[[], Iterator[Message]]

D = TypeVar("D", bound="Decoder")

_PACKET_EVENTS: Final = 1 << 16
_LOOKED_AT_ROWS: Final = 1 << 10


class _NoColumns:
    """Stands for events where a file has only other streams."""

    rows = lost = 0
    names = tuple("txyp")
    can_go = False

    @property
    def damage(self) -> list[str]:
        return []

    def read(self, count: int) -> dict[str, NDArray[np.int64]]:
        return {name: np.empty(0, np.int64) for name in self.names}

    def times(self, start: int, stop: int) -> NDArray[np.int64]:
        return np.empty(0, np.int64)

    def go_to(self, row: int) -> None:
        """There is nowhere to go."""

    def mark(self) -> dict[str, Any]:
        return {}

    def resume(self, mark: dict[str, Any]) -> None:
        """There is nothing to go on with."""


class Hdf5Decoder(ColumnsDecoder):
    """Reads the events of one camera in an HDF5 file, and whatever lies beside them.

    Args:
        source: the file; it is opened again by its path.
        info: what is known of it; its streams are filled in here.
        file: the opened file.
        places: where events are, by the name of their stream: "events", "events:right".
        others: other streams, by name.
        unit: of the times, where the file does not say it.
    """

    def __init__(
        self,
        source: ByteSource,
        info: RecordingInfo,
        file: h5py.File,
        places: Mapping[str, EventsPlace],
        others: Mapping[str, Messages] | None = None,
        *,
        unit: str | None = None,
    ) -> None:
        checked_unit(unit)
        self._groups: tuple[Hdf5Columns, Groups] | None = None
        self._file, self._places, self._others = file, places, dict(others or {})
        info.streams = (*places, *self._others)
        self._given_unit = unit
        place = places.get("events")
        if place is None:
            super().__init__(source, info, _NoColumns(), "us")
            return
        self._place = place
        columns = Hdf5Columns(place.datasets, place.split)
        info.notes += place.notes
        info.events = columns.rows
        unit = unit or place.unit
        super().__init__(source, info, columns, unit, t_offset=place.t_offset)
        if columns.aligned is not None and unit is not None:
            size = info.width, info.height
            self._groups = columns, Groups(columns.aligned, columns.rows, unit, place.t_offset, size)

    def fill(self, batch: Batch, start: int) -> int:
        """Read the next rows into `batch` from `start` on."""
        if "events" not in self._places:
            raise RecordingError(f"{self.info.path}: holds no events, only {', '.join(self.info.streams) or 'nothing'}")
        return super().fill(batch, start)

    def _at_once(self, batch: Batch, start: int) -> int:
        """Read whole groups of chunks, as long as there is room for one."""
        if self._groups is None:
            return start
        columns, groups = self._groups
        group, within = divmod(columns.row, groups.rows)
        while not within and columns.row < columns.rows and (count := groups.count_in(group, len(batch) - start)):
            threads = threads_for(self.threads, columns.rows - columns.row)
            words = batch.records.view(np.int64).reshape(-1, 2)[start:]
            done, made = groups.fill(words, group, count, threads, self._state)
            rows = groups.rows_in(group, done)
            columns.go_to(columns.row + rows)
            self._take_counts()
            start, group, self._read = start + made, group + done, self._read + rows
            if not done:
                break
        return start

    def mark(self) -> dict[str, Any] | None:
        """Return the next row and what was counted; None where the file has an index of milliseconds."""
        return super().mark() if self._index is None else None

    def seek(self, t: int) -> None:
        """Go close before the first event at or after `t` (µs) by the file's index of milliseconds, where it is right.

        An index is believed only where no time round the row it names contradicts it.
        """
        if self._index is not None and len(self._index):
            ms = min((t - self._place.t_offset) // 1000, len(self._index) - 1)
            if ms >= 0 and (row := self._row_of(ms)) is not None:
                self.go_to(row)

    def approach(self, t: int) -> None:
        """Go near time `t` (µs), for a sample."""
        self.seek(t)
        if not self._read:
            super().approach(t)

    def messages(self, name: str) -> Iterator[Message]:
        """Yield the messages of another stream: frames, samples, poses, or another camera's events in packets."""
        if name in self._others:
            yield from self._others[name]()
        elif name in self._places and name != "events":
            yield from self._packets(self._places[name])
        else:
            yield from super().messages(name)

    def _packets(self, place: EventsPlace) -> Iterator[Message]:
        info = RecordingInfo(self.info.path, self.info.format, self.info.width, self.info.height)
        decoder = Hdf5Decoder(self.source, info, self._file, {"events": place}, unit=self._given_unit)
        batch = Batch(_PACKET_EVENTS)
        while count := decoder.fill(batch, 0):
            yield packet_of(batch, count, info.width, info.height, None)  # type: ignore[misc]
            batch = Batch(_PACKET_EVENTS)
        for reason, lost in decoder.skipped.items():
            self.skip(reason, lost)

    @property
    def _index(self) -> h5py.Dataset | None:
        return self._place.index if "events" in self._places and self._unit == "us" else None

    def _row_of(self, ms: int) -> int | None:
        """Return the row that the index has for a millisecond, None where that is wrong."""
        assert self._index is not None
        try:
            row = int(self._index[ms])
        except (OSError, RuntimeError, ValueError):
            return None
        if not 0 <= row < self._reader.rows:
            return None
        before = self._in_us(self._reader.times(max(0, row - _LOOKED_AT_ROWS), row))
        after = self._in_us(self._reader.times(row, row + 1))
        border = ms * 1000 + self._place.t_offset
        believed = len(after) and int(after[0]) >= border and not (before >= border).any()
        return row if believed else None


def damage_told(open_decoder: Callable[..., D]) -> Callable[..., D]:
    """Return `open_decoder` with whatever the HDF5 library makes of damaged bytes as a RecordingError."""

    @wraps(open_decoder)
    def told(source: ByteSource, **options: Any) -> D:
        try:
            return open_decoder(source, **options)
        except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            if isinstance(error, EventflowError):
                raise
            raise RecordingError(f"{source.path}: the HDF5 file is damaged: {error}") from error

    return told


def sized(
    info: RecordingInfo, said: tuple[int, int], given: tuple[int | None, int | None], default: tuple[int, int] = (0, 0)
) -> RecordingInfo:
    """Return `info` with the sensor's size: what the file says, else what the user says, else that of a dataset.

    Raises:
        RecordingError: nobody says it.
    """
    width, height = said[0] or given[0] or default[0], said[1] or given[1] or default[1]
    if not (0 < width <= 1 << 16 and 0 < height <= 1 << 16):
        raise RecordingError(
            f"{info.path}: nothing says how large the sensor is; pass width= and height= (--width, --height)"
        )
    if (width, height) == default and not any((*said, *given)):
        info.notes.append(f"the file does not say the sensor's size; taken to be the dataset's {width}x{height}")
    info.width, info.height = width, height
    return info
