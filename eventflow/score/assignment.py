"""Which track belongs to which object: the cheapest pairing within a gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def assigned(cost: NDArray[np.float64], gate: float = np.inf) -> list[tuple[int, int]]:
    """Return the pairs (row, column) of which as many as possible cost at most `gate` and whose sum is least.

    Exact, O(rows² · columns): Kuhn 1955, in the form with potentials and shortest augmenting paths (Jonker and
    Volgenant 1987). Rows come in order; no row or column stands in two pairs.

    Args:
        cost: float64, shape (rows, columns), finite.
        gate: pairs that cost more are not made.
    """
    allowed = cost <= gate
    # a forbidden pair costs more than all allowed ones together, so that as few as possible are taken
    forbidden = 1.0 + min(cost.shape) * float(np.max(cost, where=allowed, initial=0.0))
    guarded = np.where(allowed, cost, forbidden)
    if cost.shape[0] <= cost.shape[1]:
        pairs = list(enumerate(_columns_of_rows(guarded)))
    else:
        pairs = sorted((row, column) for column, row in enumerate(_columns_of_rows(guarded.T)))
    return [(row, column) for row, column in pairs if allowed[row, column]]


def _columns_of_rows(cost: NDArray[np.float64]) -> list[int]:
    """Return the column of each row; there are at least as many columns as rows."""
    rows, columns = cost.shape
    row_price, column_price = np.zeros(rows), np.zeros(columns)
    owner = np.full(columns, -1)
    for row in range(rows):
        _augment(cost, row, row_price, column_price, owner)
    found = [0] * rows
    for column in np.flatnonzero(owner >= 0):
        found[owner[column]] = int(column)
    return found


def _augment(
    cost: NDArray[np.float64],
    start: int,
    row_price: NDArray[np.float64],
    column_price: NDArray[np.float64],
    owner: NDArray[np.int64],
) -> None:
    """Give row `start` a column along the cheapest path of exchanges."""
    columns = len(owner)
    distance, previous = np.full(columns, np.inf), np.full(columns, -1)
    done = np.zeros(columns, bool)
    row, reached, last = start, 0.0, -1
    while True:
        through = reached + cost[row] - row_price[row] - column_price
        better = ~done & (through < distance)
        distance[better], previous[better] = through[better], last
        last = int(np.argmin(np.where(done, np.inf, distance)))
        reached = distance[last]
        done[last] = True
        if owner[last] < 0:
            break
        row = int(owner[last])
    row_price[start] += reached
    for column in np.flatnonzero(done):
        if owner[column] >= 0:
            row_price[owner[column]] += reached - distance[column]
        column_price[column] -= reached - distance[column]
    while last >= 0:
        before = int(previous[last])
        owner[last] = start if before < 0 else owner[before]
        last = before
