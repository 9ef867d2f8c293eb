"""NumPy archives (.npz) and arrays (.npy), without pickles.

Written: the arrays t (int64, µs), x, y (uint16), p (uint8), width, height, and labels, scores where events have them.
Read: those, whatever their types; or one structured array, or one of shape (n, 4). Both a piece at a time.
"""

from __future__ import annotations

import zipfile
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, Final

from eventflow.errors import RecordingError
from eventflow.io.columns_decoder import ColumnsDecoder, checked_unit
from eventflow.io.decoder import RecordingInfo
from eventflow.io.numpy_columns import NumpyColumns, from_array, from_members
from eventflow.io.numpy_encoder import NumpyEncoder
from eventflow.io.numpy_members import NPY_MAGIC, ArrayReader, Member, member_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventflow.io.source import ByteSource

_PIECE_ROWS: Final = 1 << 16
_SIZE_NAMES: Final = (("width", "height"), ("sensor_width", "sensor_height"), ("W", "H"))
_SIDE_LIMIT: Final = 1 << 16


def open_decoder(
    source: ByteSource,
    *,
    width: int | None = None,
    height: int | None = None,
    columns: str | None = None,
    unit: str | None = None,
) -> ColumnsDecoder:
    """Return a decoder of `source`, an archive or a single array.

    Args:
        source: the file; a pipe cannot be read, as an archive's directory is at its end.
        width: sensor width, px, where the file does not say.
        height: sensor height, px, where the file does not say.
        columns: order of the columns of an array of shape (n, 4) or (4, n), where the first rows do not show it.
        unit: of the times: s, ms, us or ns, where their name and the first of them do not show it: whole numbers are
            µs, others seconds.
    """
    checked_unit(unit)
    if not source.seekable or source.size is None:
        raise RecordingError(f"{source.path}: NumPy files cannot be read from a pipe; write it to a file first")
    sizes: dict[str, int] = {}
    notes: list[str] = []
    if source.peek(len(NPY_MAGIC)) == NPY_MAGIC:
        reader, named = _array(source, source.size, columns, notes)
        kind = "npy"
    else:
        reader, named, sizes = _archive(source, columns, notes)
        kind = "npz"
    size = sizes.get("width") or width or 0, sizes.get("height") or height or 0
    if not (0 < size[0] <= _SIDE_LIMIT and 0 < size[1] <= _SIDE_LIMIT):
        raise RecordingError(
            f"{source.path}: nothing says how large the sensor is; pass width= and height= (--width, --height)"
        )
    info = RecordingInfo(source.path, kind, *size, events=reader.rows, size_bytes=source.size, notes=notes)
    return ColumnsDecoder(source, info, reader, unit or named or None)


def open_encoder(file: BinaryIO, *, width: int, height: int, compressed: bool = False) -> NumpyEncoder:
    """Return an encoder that writes an archive to `file`.

    Args:
        file: can seek.
        width: sensor width, px.
        height: sensor height, px.
        compressed: whether the arrays are deflated.
    """
    return NumpyEncoder(file, width=width, height=height, compressed=compressed)


def _array(source: ByteSource, size_bytes: int, columns: str | None, notes: list[str]) -> tuple[NumpyColumns, str]:
    def open_array() -> ArrayReader:
        return ArrayReader(Member(source.file, 0, size_bytes), "the array", source.path)

    return from_array(open_array, columns, source.path, notes)


def _archive(source: ByteSource, columns: str | None, notes: list[str]) -> tuple[NumpyColumns, str, dict[str, int]]:
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
    found = from_members(entries, open_array)
    if found is not None:
        return *found, sizes
    for name in ("events", *entries):
        if name in entries:
            reader = open_array(name)
            if (reader.dtype.names and len(reader.shape) == 1) or (len(reader.shape) == 2 and 4 in reader.shape):
                return *from_array(partial(open_array, name), columns, source.path, notes), sizes
    raise RecordingError(f"{source.path}: no events among the arrays {', '.join(entries)}; expected t, x, y and p")


def _size_names(entries: Mapping[str, object]) -> list[tuple[str, str]]:
    for names in _SIZE_NAMES:
        if all(name in entries for name in names):
            return list(zip(("width", "height"), names, strict=True))
    return []


def _scalar(reader: ArrayReader) -> int:
    values = reader.read(1).reshape(-1)
    return int(values[0]) if len(values) and values.dtype.kind in "iu" else 0
