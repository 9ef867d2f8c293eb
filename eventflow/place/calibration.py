"""What a similarity is worth, learned from the map alone: how much likelier it is where it is right than elsewhere.

A row of the map compared with the rows far from it shows how alike two different places look; compared with its own
neighbours on the drive, how alike two views of nearly one place look. The neighbour is about as far off as a second
drive is, half a place aside and in other conditions, so that both distributions come without a second drive.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from eventflow.place.place_map import PlaceMap

TRUST: Final = 0.4
"""Share of a window's evidence that counts: windows that follow each other see much of the same and err together."""
_SAMPLES: Final = 400
_MEDIAN_OF: Final = 2000
_EXCLUDED: Final = 10
_MOST_SURE: Final = 12.0


@jit
def _log_ratio(
    scores: NDArray[np.float32],
    middle: float,
    wrong_spread: float,
    right: float,
    spread: float,
    out: NDArray[np.float64],
) -> None:
    constant = math.log(spread / wrong_spread)
    for place in range(len(scores)):
        above = min(max(scores[place] - middle, 0.0), right)  # what is more alike than usual is no worse
        wrong, rest = above / wrong_spread, (above - right) / spread
        ratio = 0.5 * wrong * wrong - 0.5 * rest * rest - constant
        out[place] = TRUST * min(max(ratio, -_MOST_SURE), _MOST_SURE)


@dataclass(frozen=True)
class Calibration:
    """Similarities above the median over all places are normal: around 0 where wrong, around `right` where right.

    Attributes:
        wrong_spread: standard deviation where wrong.
        right: mean where right.
        right_spread: standard deviation where right.
    """

    wrong_spread: float
    right: float
    right_spread: float

    def evidence(self, scores: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the logarithm of the likelihood ratio of each place, float64 (places,), for one window."""
        out = np.empty(len(scores))
        # of very many places a part has the same median
        middle = float(np.median(scores[:: max(len(scores) // _MEDIAN_OF, 1)]))
        _log_ratio(scores, middle, self.wrong_spread, self.right, self.right_spread, out)
        return out


def calibrated(place_map: PlaceMap, similarity: Callable[[int], NDArray[np.float32]]) -> Calibration:
    """Return the calibration that a map gives by itself.

    Args:
        place_map: the map.
        similarity: of a row of the map to every row, float32 (rows,).
    """
    rows, routes = len(place_map), place_map.routes
    far, near = [np.zeros(0)], [np.zeros(0)]
    number = np.arange(rows)
    for row in range(0, rows, max(rows // _SAMPLES, 1)):
        distance = np.abs(number - row)
        same = routes == routes[row]
        apart = ~same | (distance > min(_EXCLUDED, rows // 8))
        scores = np.asarray(similarity(row), np.float64)
        middle = float(np.median(scores[apart])) if apart.any() else 0.0
        far.append(scores[apart][:: max(rows // _SAMPLES, 1)] - middle)
        near.append(scores[same & (distance == 1)] - middle)
    return _fitted(np.concatenate(far), np.concatenate(near))


def _fitted(far: NDArray[np.float64], near: NDArray[np.float64]) -> Calibration:
    wrong = max(float(far.std()), 1e-6) if len(far) > 1 else 1.0
    right = float(np.median(near)) if len(near) else 0.0
    if right < 3.0 * wrong:  # places so far apart that neighbours have nothing in common say nothing of a second drive
        return Calibration(wrong, 4.0 * wrong, 1.5 * wrong)
    return Calibration(wrong, right, max(1.4826 * float(np.median(np.abs(near - right))), 0.5 * wrong))
