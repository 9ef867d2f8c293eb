"""NumPy arrays inside files, a piece at a time: .npy on its own or as a member of a .npz archive.

No pickles: an array of Python objects is refused.
"""

from __future__ import annotations

import ast
import struct
import warnings
import zipfile
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np
from deflate import DeflateError, crc32, deflate_decompress

from eventflow.errors import RecordingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

NPY_MAGIC: Final = b"\x93NUMPY"
_MAX_HEADER_BYTES: Final = 1 << 16
_PIECE_BYTES: Final = 1 << 18
_DEFLATE_GROWTH: Final = 1032  # the most that deflate can make of a byte
_WORTH_BYTES: Final = 1 << 17  # who reads so much reads on
_MOST_AT_ONCE_BYTES: Final = 1 << 25
_LOCAL_HEADER: Final = struct.Struct("<4s22xHH")


class Member:
    """The bytes of one array file, read from front to back; several can be read from one file in turn.

    Args:
        file: binary, can seek.
        start: first byte in `file`.
        stored: bytes in `file`.
        deflated: whether they are compressed.
        crc: what the CRC-32 of all must be, or None.
        size: how many bytes they are said to be when they are not compressed, 0 where nothing says it.

    Attributes:
        deflated: whether they are compressed.
        damaged: what is wrong with the bytes, "" where nothing was found.
        sum: CRC-32 of what was read.
    """

    def __init__(
        self,
        file: BinaryIO,
        start: int,
        stored: int,
        *,
        deflated: bool = False,
        crc: int | None = None,
        size: int = 0,
    ) -> None:
        self._file, self._at, self._left, self._crc = file, start, stored, crc
        self._inflate = zlib.decompressobj(-15) if deflated else None
        self.deflated = deflated
        self.sum = 0
        self.largest = stored * (_DEFLATE_GROWTH if deflated else 1)
        self.damaged = ""
        self._room = np.empty(0, np.uint8)
        self._packed, self._size = (start, stored), size
        self._given = 0
        self._whole: memoryview | None = None

    def read(self, count: int) -> bytes | memoryview:
        """Return the next `count` bytes, fewer at the end or where the bytes are damaged; valid until the next call."""
        if self._inflate is not None and self._given >= _WORTH_BYTES and self._unpacked_whole():
            assert self._whole is not None
            self._given += count
            return self._whole[self._given - count : self._given]
        data = self._stored(count) if self._inflate is None else self._inflated(count)
        self._given += len(data)
        self.sum = crc32(data, self.sum)
        ended = not self._left if self._inflate is None else self._inflate.eof
        if ended or len(data) < count:
            self._check()
        return data

    def skip(self, count: int, checksum: int | None = None) -> None:
        """Pass over `count` bytes. Where they are not compressed they are not read.

        Args:
            count: how many.
            checksum: CRC-32 up to there, None where nobody knows it: it is not checked then.
        """
        if self._inflate is None and count:
            taken = min(count, self._left)
            self._at, self._left = self._at + taken, self._left - taken
            self._crc, self.sum = (None, 0) if checksum is None else (self._crc, checksum)
            return
        while count > 0 and (data := self.read(min(count, _PIECE_BYTES))):
            count -= len(data)

    def _unpacked_whole(self) -> bool:
        """Return whether all bytes are at hand and sound: unpacked at once, which takes a third of the time."""
        size, crc = self._size, self._crc
        if self._whole is None and crc is not None and size > self._given and not self.damaged:
            start, stored = self._packed
            self._size = 0  # tried once: what is damaged is read as far as it goes
            if max(size, stored) <= _MOST_AT_ONCE_BYTES:
                self._file.seek(start)
                try:
                    whole = deflate_decompress(self._file.read(stored), size)
                except DeflateError:
                    return False
                self._whole = memoryview(whole) if len(whole) == size and crc32(whole) == crc else None
        return self._whole is not None

    def _check(self) -> None:
        if self._crc is not None and self.sum != self._crc and not self.damaged:
            self.damaged = "its checksum is wrong"
        self._crc = None

    def _stored(self, count: int) -> memoryview:
        count = min(count, self._left)
        if count > len(self._room):
            self._room = np.empty(count, np.uint8)
        data = self._room.data[:count]
        self._file.seek(self._at)
        data = data[: self._file.readinto(data)]  # type: ignore[attr-defined]
        if len(data) < count:
            self.damaged, self._left = "it is cut off", len(data)
        self._at += len(data)
        self._left -= len(data)
        return data

    def _inflated(self, count: int) -> bytes:
        parts = []
        assert self._inflate is not None
        while count > 0 and not self._inflate.eof:
            piece = self._inflate.unconsumed_tail or self._stored(min(_PIECE_BYTES, self._left))
            spare = self._inflate.copy()
            try:
                part = self._inflate.decompress(piece, count)
            except zlib.error as error:
                self.damaged, self._left = f"it cannot be decompressed: {error}", 0
                self._inflate = zlib.decompressobj()
                parts.append(_before_damage(spare, piece, count))
                break
            if not part and not piece:
                self.damaged = self.damaged or "it is cut off"
                break
            parts.append(part)
            count -= len(part)
        return b"".join(parts)


def _before_damage(inflate: Any, piece: bytes | memoryview, count: int) -> bytes:
    """Return what can be decompressed before the damage, however much is asked for at a time."""
    found, low, high = b"", 0, count
    while low < high:
        middle = (low + high + 1) // 2
        try:
            found, low = inflate.copy().decompress(piece, middle), middle
        except zlib.error:
            high = middle - 1
    return found


class ArrayReader:
    """One array, read in rows.

    Attributes:
        dtype: of its items.
        shape: as its header says.
        rows: rows that can be there at most, whatever the header says.
        can_go: whether `skip` costs nothing.
        name: for messages.
    """

    def __init__(self, member: Member, name: str, path: str) -> None:
        self.member, self.name, self._path = member, name, path
        self.dtype, self.shape, self.by_columns = self._header()
        self.row_items = int(np.prod(self.shape[1:], dtype=np.int64)) if self.shape else 1
        claimed = self.shape[0] if self.shape else 1
        row_bytes = max(self.dtype.itemsize * self.row_items, 1)
        self.rows = min(claimed, member.largest // row_bytes)
        self._left = claimed
        self.can_go = not member.deflated

    def read(self, count: int) -> NDArray[Any]:
        """Return the next `count` rows, fewer at the end: shape (n,) or (n, columns); valid until the next call."""
        count = min(count, self._left)
        row_bytes = self.dtype.itemsize * self.row_items
        data = self.member.read(count * row_bytes)
        whole = len(data) // row_bytes if row_bytes else 0
        if whole < count:
            self.member.damaged = self.member.damaged or "it is cut off"
        self._left = self._left - whole if whole == count else 0
        array = np.frombuffer(data, self.dtype, whole * self.row_items)
        return array.reshape(-1, *self.shape[1:]) if len(self.shape) > 1 else array

    def skip(self, count: int, checksum: int | None = None) -> None:
        """Pass over `count` rows; `checksum` as Member.skip takes it."""
        count = min(count, self._left)
        self.member.skip(count * self.dtype.itemsize * self.row_items, checksum)
        self._left -= count

    def part(self, index: int, parts: int) -> ArrayReader:
        """Return this reader for one of several parts of equal length, which become arrays of one dimension."""
        length = int(np.prod(self.shape, dtype=np.int64)) // parts
        self._reshape(length, 1)
        self.member.skip(index * length * self.dtype.itemsize)
        return self

    def of_rows(self, items: int) -> ArrayReader:
        """Return this reader for the same numbers in rows of `items`."""
        self._reshape(int(np.prod(self.shape, dtype=np.int64)) // items, items)
        return self

    def _reshape(self, rows: int, items: int) -> None:
        self.shape = (rows,) if items == 1 else (rows, items)
        self.row_items = items
        self.rows = min(rows, self.member.largest // max(self.dtype.itemsize * items, 1))
        self._left = rows

    def _header(self) -> tuple[np.dtype[Any], tuple[int, ...], bool]:
        start = bytes(self.member.read(8))
        width = 2 if start[6:7] == b"\1" else 4
        size = int.from_bytes(self.member.read(width), "little")
        if not start.startswith(NPY_MAGIC) or len(start) < 8 or start[6] not in (1, 2, 3) or size > _MAX_HEADER_BYTES:
            raise RecordingError(f"{self._path}: {self.name} is no NumPy array: it begins with {start.hex(' ')}")
        text = bytes(self.member.read(size)).decode("utf-8", "replace")
        try:
            header = ast.literal_eval(text.strip())
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # old names of types
                dtype = np.lib.format.descr_to_dtype(header["descr"])
            shape, by_columns = header["shape"], bool(header["fortran_order"])
        except (ValueError, SyntaxError, KeyError, TypeError, RecursionError, MemoryError) as error:
            raise RecordingError(f"{self._path}: {self.name} has a damaged header: {text[:80]!r}") from error
        if not isinstance(shape, tuple) or not all(isinstance(n, int) and 0 <= n < 1 << 60 for n in shape):
            raise RecordingError(f"{self._path}: {self.name} has a damaged header: shape {shape!r}")
        if dtype.subdtype is not None or not dtype.itemsize:
            raise RecordingError(f"{self._path}: {self.name} holds items of {dtype}; expected numbers")
        if dtype.hasobject:
            raise RecordingError(f"{self._path}: {self.name} holds Python objects; pickles are not read")
        return dtype, shape, by_columns


def member_of(file: BinaryIO, entry: zipfile.ZipInfo, path: str) -> Member:
    """Return the bytes of an archive's entry.

    Raises:
        RecordingError: it is not where the directory says, or compressed in an unknown way.
    """
    # a damaged directory can say any place, one before the file too
    place = max(entry.header_offset, 0)
    file.seek(place)
    head = file.read(_LOCAL_HEADER.size)
    if len(head) < _LOCAL_HEADER.size or not head.startswith(b"PK\3\4"):
        raise RecordingError(f"{path}: byte {place}: expected {entry.filename}, found {head[:4].hex(' ')}")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or entry.flag_bits & 1:
        raise RecordingError(f"{path}: {entry.filename} is encrypted, or compressed in a way that NumPy does not use")
    _, name, extra = _LOCAL_HEADER.unpack(head)
    start = place + _LOCAL_HEADER.size + name + extra
    deflated = entry.compress_type == zipfile.ZIP_DEFLATED
    return Member(file, start, entry.compress_size, deflated=deflated, crc=entry.CRC, size=entry.file_size)
