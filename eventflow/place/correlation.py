"""The default matcher: normalised correlation of pooled counts, tolerant of views that are shifted.

Each step answers one way in which two drives past one place differ. The root of the counts evens out their variance
(counts are Poisson); dividing by its mean takes out speed, contrast and sensitivity, which scale all counts of a
window; standardising each cell takes out what is always there (Schubert et al. 2020, "Unsupervised learning methods
for visual place recognition in discretely and continuously changing environments"), queries with statistics of their
own as far as they were seen, since noise and light are those of the drive; the largest cosine over shifts of the view
takes out where the camera pointed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.errors import ParameterError
from eventflow.kernels.jit import jit
from eventflow.place.matchers import best_by_place, checked, in_order

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PRIOR_WINDOWS = 30.0
_FLOOR = 0.1
_BLOCK = 1024


@jit
def _add_scaled(row: NDArray[np.float32], weight: np.float32, total: NDArray[np.float32]) -> None:
    for place in range(len(row)):
        total[place] += weight * row[place]


@jit
def _largest_products(columns: NDArray[np.float32], views: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the largest product of each column with any view, float32 (columns,).

    A library's matrix product may add up in another order with another number of threads; this one has one order.
    """
    cells, count = columns.shape
    best = np.full(count, -np.inf, np.float32)
    total = np.empty(_BLOCK, np.float32)
    for begin in range(0, count, _BLOCK):
        size = min(_BLOCK, count - begin)
        for view in range(len(views)):
            total[:] = np.float32(0.0)
            for cell in range(cells):
                weight = views[view, cell]
                if weight != np.float32(0.0):  # cells from outside the view
                    _add_scaled(columns[cell, begin : begin + size], weight, total)
            for place in range(size):
                best[begin + place] = max(best[begin + place], total[place])
    return best


class CorrelationMatcher:
    """The largest cosine, over small shifts of the view, between standardised descriptors: -1 to 1.

    Args:
        rows: of the grid of cells that descriptors hold.
        columns: likewise.
        shift: how far the view may be shifted, as a share of its width and of its height.
        adapt: whether queries are standardised by their own statistics, which begin as the map's.

    Attributes:
        places: id of each place, in order of first mention.

    Raises:
        ParameterError: the shift is not within 0 and 0.5.
    """

    def __init__(self, rows: int, columns: int, *, shift: float = 0.25, adapt: bool = True) -> None:
        if not 0 <= shift <= 0.5:
            raise ParameterError(f"shift is {shift}, expected 0 to 0.5 of the view")
        self.places = np.zeros(0, np.int64)
        self._rows, self._columns, self._adapt = rows, columns, adapt
        self._sources = _shifts(rows, columns, int(shift * rows + 0.5), int(shift * columns + 0.5))

    def learn(self, descriptors: NDArray[np.float32], places: NDArray[np.int64]) -> None:
        """Learn the descriptors, and their statistics.

        Raises:
            ParameterError: shapes do not fit, or the descriptors are no single grid of this size.
        """
        checked(descriptors, places)
        if descriptors.shape[1] != self._rows * self._columns:
            raise ParameterError(
                f"descriptors of {descriptors.shape[1]} elements, expected one grid of {self._rows} x {self._columns}"
            )
        self.places, self._index = in_order(places)
        even = np.stack([evened(row) for row in descriptors])
        self._mean, self._square = even.mean(axis=0), (even**2).mean(axis=0)
        self._seen = 0.0
        self._sum, self._squares = np.zeros_like(self._mean), np.zeros_like(self._mean)
        standard = self._standardised(even, self._mean, self._square)
        self._map = np.ascontiguousarray(_unit(standard).T, np.float32)

    def scores(self, descriptor: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the similarity to every place; statistics of the queries go on by this one."""
        even = evened(descriptor)
        if self._adapt:
            self._seen += 1.0
            self._sum += even
            self._squares += even**2
        return self.compared(even)

    def compared(self, even: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the similarity of an evened descriptor to every place."""
        weight = _PRIOR_WINDOWS + self._seen
        mean = (_PRIOR_WINDOWS * self._mean + self._sum) / weight
        square = (_PRIOR_WINDOWS * self._square + self._squares) / weight
        standard = self._standardised(even, mean, square)
        views = np.append(standard, np.float32(0.0))[self._sources]
        return best_by_place(_largest_products(self._map, _unit(views)), self._index, len(self.places))

    def self_similarity(self, row: int) -> NDArray[np.float32]:
        """Return the similarity of a learned descriptor to every learned descriptor, (n,), shifts included."""
        views = np.append(self._map[:, row], np.float32(0.0))[self._sources]
        return np.asarray(_largest_products(self._map, _unit(views)), np.float32)

    @staticmethod
    def _standardised(
        even: NDArray[np.float32], mean: NDArray[np.float32], square: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        deviation = np.sqrt(np.maximum(square - mean**2, 0.0))
        # a cell in which hardly anything ever happens must not outweigh the others
        deviation += np.float32(_FLOOR) * deviation.mean() + np.float32(1e-6)
        return np.asarray((even - mean) / deviation, np.float32)

    def state(self) -> dict[str, Any]:
        """Return a copy of the statistics of the queries."""
        return {"seen": self._seen, "sum": self._sum.copy(), "squares": self._squares.copy()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state` returned."""
        self._seen, self._sum, self._squares = state["seen"], state["sum"].copy(), state["squares"].copy()


def evened(descriptor: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the root of the counts over its mean: what is left once speed, contrast and sensitivity are taken out."""
    root = np.sqrt(np.maximum(descriptor, np.float32(0.0)))
    mean = root.mean()
    return np.asarray(root / mean if mean > 0 else root, np.float32)


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-9), np.float32)


def _shifts(rows: int, columns: int, down: int, across: int) -> NDArray[np.int64]:
    """Return where each cell of each shifted view comes from, int64 (shifts, cells); `cells`: from outside the view."""
    y, x = np.mgrid[0:rows, 0:columns]
    found = []
    for dy in range(-down, down + 1):
        for dx in range(-across, across + 1):
            inside = (y - dy >= 0) & (y - dy < rows) & (x - dx >= 0) & (x - dx < columns)
            found.append(np.where(inside, (y - dy) * columns + (x - dx), rows * columns).ravel())
    return np.stack(found).astype(np.int64)
