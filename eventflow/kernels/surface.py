"""The memory of a filter: the last event of each pixel, in four bytes a pixel for as long as that makes no difference.

A cell holds `2 (t - base) + p`. Filters on neighbours wait for memory, and half the bytes keep twice the pixels in the
cache; 31 bits reach 13 minutes. Before they would overflow the base is moved: cells older than any window in use leave
the map for `_far`, where nothing is lost. Where times step back so far that they could matter again, or where a window
or an age asks for more than the narrow cells know, the map goes over to 64 bits for good. So every filter gives
what it would give with 64 bits, to the last event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.errors import ParameterError
from eventflow.kernels.words import words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eventflow.events import Events

NEVER: Final = -(1 << 62)
"""A 64-bit cell before its first event: further from any time than any window, and no overflow when subtracted."""
NEVER_NARROW: Final = -(1 << 31)
REACH: Final = 1 << 27
"""The longest window, µs, that narrow cells serve."""
_SPAN: Final = (1 << 30) - 2 * REACH
_TAIL: Final = 32
ANY_AGE: Final = 1 << 62
"""The reach of a loop that gives ages."""


class Surface:
    """The last event of each pixel of a `width` x `height` sensor, inside a margin of `margin` pixels never written.

    The margin spares the loops every test for the border; cells behind the last row let them read whole vectors.

    Attributes:
        width: of the sensor, px.
        height: of the sensor, px.
        margin: the largest radius a filter may have.
        stride: cells in a row.
        cells: int32 or int64, shape (stride (height + 2 margin) + tail,).
        base: µs; time 0 of the cells.
    """

    def __init__(self, width: int, height: int, margin: int) -> None:
        self.width, self.height, self.margin = width, height, margin
        self.stride = width + 2 * margin
        self.cells: NDArray[Any] = np.full(self.stride * (height + 2 * margin) + _TAIL, NEVER_NARROW, np.int32)
        self.base = 0
        self._begun = False
        self._far: NDArray[np.int64] | None = None

    @property
    def is_wide(self) -> bool:
        """Whether cells have 64 bits by now."""
        return self.cells.dtype == np.int64

    def last_events(self) -> NDArray[np.int64]:
        """Return `2 t + p` of the last event of each pixel, NEVER before its first: int64, shape (height, width)."""
        rows = self._in_64_bits()[:-_TAIL].reshape(-1, self.stride)
        return rows[self.margin : self.margin + self.height, self.margin : self.margin + self.width]

    def check(self, events: Events, radius: int) -> None:
        """Raise ParameterError unless the surface is of the sensor of `events` and has room for `radius`."""
        if (self.width, self.height) != (events.width, events.height):
            raise ParameterError(
                f"the surface has the shape of a {self.width}x{self.height} sensor, the events are of a "
                f"{events.width}x{events.height} one; make it with surface(width, height)"
            )
        if not 0 <= radius <= self.margin:
            raise ParameterError(
                f"radius is {radius}, expected 0 to {self.margin}; make the surface with radius={radius}"
            )

    def pieces(self, events: Events, reach: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """Yield the packet in pieces for which `cells` and `base`, read after each step, are exact.

        Args:
            events: in any order.
            reach: the filter's window, µs; ANY_AGE where it tells ages apart however large, and tests for never.

        Yields:
            Number of the first event, and the words of the piece.
        """
        words, start = words_of(events), 0
        while start < len(events):
            stop = self._fit(events, start, reach)
            yield start, words[2 * start : 2 * stop]
            start = stop

    def _fit(self, events: Events, start: int, reach: int) -> int:
        """Make the cells fit the events from `start` on, and return the end of those that they fit."""
        count = len(events)
        if self.is_wide:
            return count
        times = events.records["t"][start:]
        low, high = int(times[0]), int(times[-1])
        if not events.ordered:
            low, high = int(times.min()), int(times.max())
        self.begin(low)
        if high >= self.base + _SPAN and low - 2 * REACH > self.base:
            self._move(low - 2 * REACH, reach)
        # what has left the map can matter again to events this near to it
        returns = low < self.base + (0 if self._far is None else REACH)
        if returns or (reach > REACH and (self._far is not None or reach != ANY_AGE)):
            self._widen()
        if self.is_wide or high < self.base + _SPAN:
            return count
        if events.ordered:
            return start + int(np.searchsorted(times, self.base + _SPAN))
        self._widen()
        return count

    def begin(self, first: int) -> None:
        """Choose the base for a stream whose first event is at `first` µs, unless it has begun."""
        if not self._begun:
            self._begun, self.base = True, first - REACH

    def _move(self, base: int, reach: int) -> None:
        cells = self.cells.astype(np.int64)
        shift = 2 * (base - self.base)
        seen = self.cells != NEVER_NARROW
        leaving = seen & (cells < shift)
        if leaving.any():
            if reach > REACH:
                self._widen()
                return
            far = np.full(len(cells), NEVER, np.int64) if self._far is None else self._far
            self._far = np.where(leaving, cells + 2 * self.base, far)
        self.cells = np.where(seen & ~leaving, cells - shift, NEVER_NARROW).astype(np.int32)
        self.base = base

    def follow(self, other: Surface) -> None:
        """Become like another surface of the same sensor and margin."""
        if self.cells.dtype == other.cells.dtype:
            np.copyto(self.cells, other.cells)
        else:
            self.cells = other.cells.copy()
        self.base, self._begun, self._far = other.base, other._begun, other._far

    def newest(self) -> int:
        """Return the latest time of any pixel's last event, µs; far below any time before the first event."""
        return int(self.cells.max()) // 2 + self.base

    def _widen(self) -> None:
        self.cells, self.base, self._far = self._in_64_bits(), 0, None

    def _in_64_bits(self) -> NDArray[np.int64]:
        if self.is_wide:
            return self.cells
        far = NEVER if self._far is None else self._far
        return np.where(self.cells != NEVER_NARROW, self.cells + np.int64(2 * self.base), far)

    def state(self) -> dict[str, Any]:
        """Return a copy of everything that later results depend on, as plain values."""
        far = None if self._far is None else self._far.copy()
        return {"cells": self.cells.copy(), "base": self.base, "begun": self._begun, "far": far}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state` returned."""
        far = state["far"]
        self.cells, self.base, self._begun = state["cells"].copy(), state["base"], state["begun"]
        self._far = None if far is None else far.copy()
