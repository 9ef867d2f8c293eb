"""Reading numbers and texts one after another from the bytes of a record: MCAP, ROS 1 and CDR."""

from __future__ import annotations

from struct import Struct
from typing import Any, Final

_SIZES: Final = {"b": 1, "B": 1, "?": 1, "h": 2, "H": 2, "i": 4, "I": 4, "q": 8, "Q": 8, "f": 4, "d": 8}
_STRUCTS: Final = {(order, code): Struct(order + code) for order in "<>" for code in _SIZES}
_CDR_HEAD_BYTES: Final = 4


class Cursor:
    """A place in a record that moves on with what is read. Everything raises a ValueError beyond the end.

    Args:
        data: the record.
        order: "<" little-endian or ">" big-endian.
        aligned: whether numbers lie at multiples of their size, counted from the cursor's first place (CDR).
        at: the first place.

    Attributes:
        at: byte of the record that is read next.
    """

    __slots__ = ("_aligned", "_data", "_order", "_origin", "at")

    def __init__(self, data: Any, *, order: str = "<", aligned: bool = False, at: int = 0) -> None:
        self._data = memoryview(data)
        self._order, self._aligned, self._origin = order, aligned, at
        self.at = at

    @classmethod
    def of_cdr(cls, data: Any) -> Cursor:
        """Return a cursor behind the head of a CDR record, which says its byte order."""
        if len(data) < _CDR_HEAD_BYTES or data[0] != 0 or data[1] not in (0, 1):
            raise ValueError("no CDR record of the plain kind")
        return cls(data, order="<" if data[1] else ">", aligned=True, at=_CDR_HEAD_BYTES)

    @property
    def little(self) -> bool:
        """Whether numbers are little-endian."""
        return self._order == "<"

    @property
    def aligned(self) -> bool:
        """Whether numbers lie at multiples of their size."""
        return self._aligned

    @property
    def left(self) -> int:
        """Bytes not read yet."""
        return len(self._data) - self.at

    def number(self, code: str) -> Any:
        """Return the next number of a `struct` code."""
        if self._aligned:
            self.at += -(self.at - self._origin) % _SIZES[code]
        at = self.at
        self._need(_SIZES[code])
        self.at = at + _SIZES[code]
        return _STRUCTS[self._order, code].unpack_from(self._data, at)[0]

    def numbers(self, code: str, count: int) -> tuple[Any, ...]:
        """Return the next `count` numbers."""
        return tuple(self.number(code) for _ in range(count))

    def raw(self, count: int) -> memoryview:
        """Return the next `count` bytes."""
        self._need(count)
        self.at += count
        return self._data[self.at - count : self.at]

    def block(self) -> memoryview:
        """Return bytes that follow their own number (uint32)."""
        return self.raw(self.number("I"))

    def text(self) -> str:
        """Return a text that follows the number of its bytes; CDR counts a zero at its end."""
        return bytes(self.block()).rstrip(b"\0").decode("utf-8", "replace")

    def _need(self, count: int) -> None:
        if not 0 <= count <= len(self._data) - self.at:
            raise ValueError(f"{count} bytes at byte {self.at} of a record of {len(self._data)}")
