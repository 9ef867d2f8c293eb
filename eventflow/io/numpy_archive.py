"""NumPy archives (.npz) and arrays (.npy), without pickles.

Written: the arrays t (int64, µs), x, y (uint16), p (uint8), width, height, and labels, scores where events have them.
Read: those, whatever their types; or one structured array, or one of shape (n, 4). Both a piece at a time.
"""

from __future__ import annotations

import zipfile
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

from eventflow.errors import ParameterError, RecordingError
from eventflow.io.decoder import Decoder, RecordingInfo
from eventflow.io.numpy_columns import (
    UNIT_SCALES,
    ColumnReader,
    checked_pixels,
    checked_polarities,
    checked_times,
    from_array,
    from_members,
)
from eventflow.io.numpy_encoder import NumpyEncoder
from eventflow.io.numpy_kernels import pack_columns
from eventflow.io.numpy_members import NPY_MAGIC, ArrayReader, Member, member_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from eventflow.io.decoder import Batch
    from eventflow.io.source import ByteSource

_PIECE_ROWS: Final = 1 << 16
_SIZE_NAMES: Final = (("width", "height"), ("sensor_width", "sensor_height"), ("W", "H"))
_SIDE_LIMIT: Final = 1 << 16


class NumpyDecoder(Decoder):
    """Reads events from columns of arrays."""

    def __init__(self, source: ByteSource, info: RecordingInfo, columns: ColumnReader, unit: str | None) -> None:
        super().__init__(source, info)
        self._reader, self._unit = columns, unit
        self._read = 0
        self.columns = frozenset(columns.names) & {"labels", "scores"}

    def fill(self, batch: Batch, start: int) -> int:
        """Read the next rows into `batch` from `start` on."""
        while start < len(batch):
            rows = self._reader.read(min(len(batch) - start, _PIECE_ROWS))
            if not len(rows["t"]):
                self._end()
                break
            start = self._pack(rows, batch, start)
            self._read += len(rows["t"])
        return start

    def _pack(self, rows: dict[str, NDArray[Any]], batch: Batch, start: int) -> int:
        try:
            t = checked_times(rows["t"], self._unit)
            x, y = checked_pixels(rows["x"]), checked_pixels(rows["y"])
            p = checked_polarities(rows["p"])
        except ValueError as error:
            last = self._read + len(rows["t"]) - 1
            raise RecordingError(f"{self.info.path}: rows {self._read} to {last}: {error}") from error
        kept = np.empty(len(t), np.bool_)
        words = batch.records.view(np.int64).reshape(-1, 2)[start:]
        made, outside, reserved = pack_columns(t, x, y, p, words, kept, self.info.width, self.info.height)
        self.skip("outside", outside)
        self.skip("reserved", reserved)
        for name in self.columns:
            getattr(batch, name)[start : start + made] = rows[name][kept]
        return start + int(made)

    def _end(self) -> None:
        damage = self._reader.damage
        if damage and "damaged" not in self.skipped:
            self.skip("damaged", len(damage))
            self.info.notes.extend(damage)


def open_decoder(
    source: ByteSource,
    *,
    width: int | None = None,
    height: int | None = None,
    columns: str = "txyp",
    unit: str | None = None,
) -> NumpyDecoder:
    """Return a decoder of `source`, an archive or a single array.

    Args:
        source: the file; a pipe cannot be read, as an archive's directory is at its end.
        width: sensor width, px, where the file does not say.
        height: sensor height, px, where the file does not say.
        columns: order of the columns of an array of shape (n, 4).
        unit: of the times: s, ms, us (unless given) or ns.
    """
    if unit is not None and unit not in UNIT_SCALES:
        raise ParameterError(f"unit={unit!r} is not allowed; choose {', '.join(UNIT_SCALES)}")
    if not source.seekable or source.size is None:
        raise RecordingError(f"{source.path}: NumPy files cannot be read from a pipe; write it to a file first")
    sizes: dict[str, int] = {}
    if source.peek(len(NPY_MAGIC)) == NPY_MAGIC:
        reader = _array(source, source.size, columns)
        kind = "npy"
    else:
        reader, sizes = _archive(source, columns)
        kind = "npz"
    size = sizes.get("width") or width or 0, sizes.get("height") or height or 0
    if not (0 < size[0] <= _SIDE_LIMIT and 0 < size[1] <= _SIDE_LIMIT):
        raise RecordingError(f"{source.path}: nothing says how large the sensor is; pass width= and height=")
    info = RecordingInfo(source.path, kind, *size, events=reader.rows, size_bytes=source.size)
    return NumpyDecoder(source, info, reader, unit)


def open_encoder(file: BinaryIO, *, width: int, height: int, compressed: bool = False) -> NumpyEncoder:
    """Return an encoder that writes an archive to `file`.

    Args:
        file: can seek.
        width: sensor width, px.
        height: sensor height, px.
        compressed: whether the arrays are deflated.
    """
    return NumpyEncoder(file, width=width, height=height, compressed=compressed)


def _array(source: ByteSource, size_bytes: int, columns: str) -> ColumnReader:
    def member() -> Member:
        return Member(source.file, 0, size_bytes)

    return from_array(ArrayReader(member(), "the array", source.path), columns, source.path, member)


def _archive(source: ByteSource, columns: str) -> tuple[ColumnReader, dict[str, int]]:
    try:
        with zipfile.ZipFile(source.file) as archive:
            entries = {PurePosixPath(entry.filename).stem: entry for entry in archive.infolist()}
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, EOFError) as error:
        raise RecordingError(
            f"{source.path}: byte {source.size}: expected the directory of a zip archive at the end: {error}"
        ) from error

    def open_array(name: str) -> ArrayReader:
        entry = entries[name]
        return ArrayReader(member_of(source.file, entry, source.path), entry.filename, source.path)

    sizes = {side: _scalar(open_array(name)) for side, name in _size_names(entries)}
    found = from_members({name: name for name in entries}, open_array)
    if found is not None:
        return ColumnReader(found), sizes
    for name in ("events", *entries):
        if name in entries:
            reader = open_array(name)
            if reader.shape and (reader.dtype.names or reader.row_items == len("txyp")):
                fresh = partial(member_of, source.file, entries[name], source.path)
                return from_array(reader, columns, source.path, fresh), sizes
    raise RecordingError(f"{source.path}: no events among the arrays {', '.join(entries)}; expected t, x, y and p")


def _size_names(entries: Mapping[str, object]) -> list[tuple[str, str]]:
    for names in _SIZE_NAMES:
        if all(name in entries for name in names):
            return list(zip(("width", "height"), names, strict=True))
    return []


def _scalar(reader: ArrayReader) -> int:
    values = reader.read(1).reshape(-1)
    return int(values[0]) if len(values) and values.dtype.kind in "iu" else 0
