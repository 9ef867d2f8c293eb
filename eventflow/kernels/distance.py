"""Inverse exponential distance surface: how near the next edge is, for methods that follow gradients to edges."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from eventflow.kernels.jit import jit
from eventflow.kernels.pool import blank
from eventflow.kernels.windows import check_number
from eventflow.kernels.words import words_of, x_of, y_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.events import Events

Formula = Literal["exponential", "linear"]
_FAR = 1 << 20  # more than any two pixels of a sensor are apart


def distance_surface(
    events: Events, *, alpha: float = 6.0, least: int = 1, formula: Formula = "exponential"
) -> NDArray[np.float32]:
    """Return the inverse exponential distance of each pixel to the nearest with events.

    Brebion et al. 2022, "Real-time optical flow for vehicular perception with low- and high-resolution event cameras",
    section III.C, with exact Euclidean distances:

        d = distance to the nearest pixel with at least `least` events, px
        S = exp(-d / alpha)                 formula `exponential`
        S = max(0, 1 - d / alpha)           formula `linear`

    Args:
        events: in any order; not written.
        alpha: px, above 0: how far the surface reaches.
        least: events that make a pixel an edge, at least 1.
        formula: `exponential` or `linear`.

    Returns:
        float32, shape (1, height, width), 0 to 1; all 0 where there is no edge.

    Raises:
        ParameterError: a number is out of range.
    """
    check_number("alpha", alpha, 1e-6)
    check_number("least", least, 1)
    surface = blank((1, events.height, events.width), np.float32)
    squares = blank((events.height, events.width), np.int64)
    _edges(words_of(events), least, squares)
    _columns(squares)
    _rows(squares, _values(events.width, events.height, alpha, formula), surface[0])
    return surface


@lru_cache(maxsize=4)
def _values(width: int, height: int, alpha: float, formula: str) -> NDArray[np.float32]:
    """Return the surface's value for each squared distance that two pixels can have, and 0 for none."""
    distance = np.sqrt(np.arange(width**2 + height**2, dtype=np.float64))
    values = np.maximum(0, 1 - distance / alpha) if formula == "linear" else np.exp(-distance / alpha)
    values = np.append(values.astype(np.float32), np.float32(0))
    values.flags.writeable = False
    return values


@jit
def _edges(words: Any, least: Any, squares: Any) -> None:
    cells = squares.reshape(-1)
    cells[:] = 0
    width = np.uint64(squares.shape[1])
    for i in range(len(words) // 2):
        place = words[2 * i + 1]
        cells[y_of(place) * width + x_of(place)] += 1
    for cell in range(len(cells)):
        cells[cell] = 0 if cells[cell] >= least else _FAR


@jit
def _columns(squares: Any) -> None:
    """Put the squared distance to the nearest edge of the same column into every pixel."""
    height, width = squares.shape
    for y in range(1, height):
        for x in range(width):
            squares[y, x] = min(squares[y, x], squares[y - 1, x] + 1)
    for y in range(height - 2, -1, -1):
        for x in range(width):
            squares[y, x] = min(squares[y, x], squares[y + 1, x] + 1)
    for y in range(height):
        for x in range(width):
            squares[y, x] = squares[y, x] * squares[y, x] if squares[y, x] < _FAR else _FAR * _FAR


@jit
def _rows(squares: Any, values: Any, surface: Any) -> None:
    """Take the least of the squares along each row, from each pixel outwards until none farther away can be less."""
    height, width = squares.shape
    for y in range(height):
        row = squares[y]
        for x in range(width):
            best = row[x]
            for step in range(1, width):
                if step * step >= best:
                    break
                if x >= step:
                    best = min(best, row[x - step] + step * step)
                if x + step < width:
                    best = min(best, row[x + step] + step * step)
            surface[y, x] = values[min(best, len(values) - 1)]
