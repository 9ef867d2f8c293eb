"""Prophesee HDF5: events in `/CD/events`, external triggers in `/EXT_TRIGGER/events`.

Events are compressed by the codec ECF, which is decoded here: no plugin of the HDF5 library is needed. The chunks are
found through the HDF5 library and read without it. A file whose events are stored otherwise is read row by row, where
the library knows the filter. Steps back in time do not occur inside a chunk. Times are as stored; `time_shift`, what
OpenEB subtracts from them, is an attribute.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

from eventflow.errors import RecordingError
from eventflow.io import hdf5
from eventflow.io.decoder import Batch, Decoder, RecordingInfo
from eventflow.io.evt import check_size
from eventflow.io.hdf5_decoder import damage_told
from eventflow.io.hdf5_places import item_at
from eventflow.io.prophesee import Header, geometry_of
from eventflow.io.prophesee_hdf5_blocks import Blocks, blocks_of
from eventflow.io.prophesee_hdf5_kernels import SLACK, keep_inside
from eventflow.messages import Triggers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import h5py

    from eventflow.io.prophesee_hdf5_encoder import Hdf5Encoder
    from eventflow.io.source import ByteSource
    from eventflow.messages import Message

NAME: Final = "hdf5"
_EVENTS, _INDEX, _TRIGGERS = "CD/events", "CD/indexes", "EXT_TRIGGER/events"
_INDEX_US: Final = 2000
_TRIGGERS_AT_ONCE: Final = 4096


def holds(file: h5py.File) -> bool:
    """Return whether an HDF5 file has Prophesee's layout."""
    return _dataset(file, _EVENTS, {"x", "y", "p", "t"}) is not None


def _dataset(file: h5py.File, name: str, fields: set[str]) -> Any:
    """Return a dataset of one dimension with these fields, or None."""
    import h5py

    found = item_at(file, name)
    if not isinstance(found, h5py.Dataset) or found.ndim != 1 or not fields <= set(found.dtype.names or ()):
        return None
    return found if all(found.dtype[name].kind in "iufb" for name in found.dtype.names) else None


class Hdf5Decoder(Decoder):
    """One pass over a Prophesee HDF5 file."""

    streams = frozenset({"triggers"})

    def __init__(self, source: ByteSource, info: RecordingInfo, blocks: Blocks) -> None:
        super().__init__(source, info)
        self._blocks = blocks
        self.skip("damaged", blocks.missing)
        self._room = np.empty(2 * (blocks.events + SLACK), np.int64)
        self._next = self._at = self._end = 0
        self._last: int | None = None
        self._steps_back = 0

    @property
    def steps_back(self) -> int:  # type: ignore[override]
        """Events earlier than the one before them so far."""
        return self._steps_back

    def fill(self, batch: Batch, start: int) -> int:
        """Write the next events into `batch`; see Decoder.fill."""
        out = batch.records.view(np.int64)
        while start < len(batch):
            if self._at < self._end:
                taken = min(self._end - self._at, len(batch) - start)
                out[2 * start : 2 * (start + taken)] = self._room[2 * self._at : 2 * (self._at + taken)]
                self._at += taken
                start += taken
            elif self._next == len(self._blocks):
                break
            elif len(batch) - start >= self._blocks.events + SLACK:
                start += self._load(out[2 * start :])
            else:
                self._at, self._end = 0, self._load(self._room)
        return start

    def _load(self, out: np.ndarray[Any, Any]) -> int:
        """Write the events of the next block that lie on the sensor into `out`; return how many."""
        loaded = self._blocks.load(self._next, out)
        self._next += 1
        self.skip("damaged", loaded.damaged)
        self.note("beyond_end", loaded.beyond)
        kept = int(keep_inside(out, loaded.count, self.info.width, self.info.height))
        self.skip("outside", loaded.count - kept)
        if kept:
            if self._last is not None:
                self._steps_back += int(out[0] < self._last)
            self._steps_back += self._blocks.steps_back(out[: 2 * kept])
            self._last = int(out[2 * kept - 2])
        return kept

    def seek(self, t: int) -> None:
        """Go to the last block that begins before `t`, or one before that reaches as far; see Decoder.seek."""
        indexed = self._indexed(t)
        block = self._halved(t) if indexed is None else indexed
        while block > 0 and not (self._begins_before(block, t) and self._ends_before(block - 1, t)):
            block -= 1
        self._next = block

    def _indexed(self, t: int) -> int | None:
        """Return the block that the file's index names for time t, None where it has none or says nothing of it."""
        with hdf5.opened(self.info.path) as file:
            entries = _dataset(file, _INDEX, {"id", "ts"})
            offset = None if entries is None else _number(_text(hdf5.attribute(entries, "offset") or ""))
            place = None if offset is None else (t + offset) // _INDEX_US
            if place is not None and 0 <= place < len(entries):
                with suppress(OSError, RuntimeError):  # a damaged index is none
                    first = int(entries[place]["id"]) // self._blocks.events
                    if 0 <= first < len(self._blocks):
                        return first
        return None

    def _halved(self, t: int) -> int:
        """Return the last block that begins before time t, found by halving; those that cannot be read say nothing."""
        low, high = 0, len(self._blocks)
        while high - low > 1:
            middle = (low + high) // 2
            told = next((block for block in range(middle, high) if self._blocks.first_time(block) is not None), high)
            low, high = (told, high) if told < high and self._begins_before(told, t) else (low, middle)
        return low

    def _begins_before(self, block: int, t: int) -> bool:
        first = self._blocks.first_time(block)
        return first is not None and first < t

    def _ends_before(self, block: int, t: int) -> bool:
        """Return whether a block has events and all of them are before time t."""
        try:
            count = self._blocks.load(block, self._room).count
        except RecordingError:
            return True  # nor could it be read on the way to t
        return count > 0 and int(self._room[: 2 * count : 2].max()) < t

    def openeb_origin(self) -> int:
        """Return what the file says OpenEB is to subtract, µs."""
        return _number(str(self.info.attributes.get("time_shift", ""))) or 0

    def messages(self, name: str) -> Iterator[Message]:
        """Yield the edges of the external trigger lines, a few thousand at a time."""
        if name != "triggers" or name not in self.info.streams:
            yield from super().messages(name)
        with hdf5.opened(self.info.path) as file:
            rows = _dataset(file, _TRIGGERS, {"p", "t", "id"})
            for first in range(0, len(rows), _TRIGGERS_AT_ONCE):
                part = hdf5.rows_of(rows, first, first + _TRIGGERS_AT_ONCE)
                time, line = part["t"].astype(np.int64), part["id"].astype(np.uint8)
                yield Triggers(t=int(time[-1]), time=time, line=line, value=(part["p"] > 0).astype(np.uint8))


@damage_told
def open_decoder(source: ByteSource, *, width: int | None = None, height: int | None = None) -> Hdf5Decoder:
    """Return a decoder of a Prophesee HDF5 file; `width` and `height` in px serve where its attributes do not say.

    Raises:
        RecordingError: it is no file or no HDF5 file, or its events are missing or behind a filter that is not known.
    """
    with hdf5.opened(source.path) as file:
        events = _dataset(file, _EVENTS, {"x", "y", "p", "t"})
        if events is None:
            raise RecordingError(
                f"{source.path}: no table of events /{_EVENTS} with x, y, p and t; the file has {hdf5.contents(file)}"
            )
        entries = {name: _text(value) for name, value in hdf5.attributes_of(file).items()}
        header = Header(entries)
        width, height = geometry_of(source, header, width, height)
        triggers = _dataset(file, _TRIGGERS, {"p", "t", "id"})
        info = RecordingInfo(
            path=source.path,
            format=NAME,
            width=width,
            height=height,
            events=len(events),
            sensor=header.sensor,
            streams=("events", "triggers") if triggers is not None and len(triggers) else ("events",),
            size_bytes=source.size,
            attributes=dict(entries),
        )
        return Hdf5Decoder(source, info, blocks_of(source, events))


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"-?\d{1,18}", text) else None


def open_encoder(file: BinaryIO, *, width: int, height: int, entries: Mapping[str, str] | None = None) -> Hdf5Encoder:
    """Return an encoder of Prophesee HDF5 for a sensor of `width` x `height` px, at most 2048 x 2048.

    `entries` are further attributes of the file.
    """
    from eventflow.io.prophesee_hdf5_encoder import Hdf5Encoder

    check_size("Prophesee HDF5", width, height)
    return Hdf5Encoder(file, width=width, height=height, entries=entries or {})
