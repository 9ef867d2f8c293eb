"""Descriptors as spike amplitudes: how far each element stands above what the map has there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eventflow.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FULL = 3.0
_TINY = 1e-6


@dataclass(frozen=True, slots=True)
class Amplitudes:
    """What turns descriptors into amplitudes 0..1, learned from the map alone.

    Each element is standardised by the map's mean and deviation of that element, then the whole vector by its own, so
    that contrast and light cancel; what lies below the mean is silent, three deviations above it is 1.

    Attributes:
        mean: float32 (d,); of each element over the map.
        deviation: float32 (d,); of each element over the map, never 0.
    """

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]

    @classmethod
    def of(cls, descriptors: NDArray[np.float32]) -> Amplitudes:
        """Return the statistics of a map's descriptors, (n, d)."""
        spread = descriptors.std(axis=0)
        floor = max(float(spread.mean()) * 0.1, _TINY)
        return cls(descriptors.mean(axis=0), np.maximum(spread, np.float32(floor)))

    def __call__(self, descriptors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return float32 (n, d) amplitudes of descriptors (n, d) or (d,); all 0 where a descriptor is flat."""
        rows = np.atleast_2d(np.asarray(descriptors, np.float32))
        if rows.shape[1] != len(self.mean):
            raise ParameterError(
                f"a descriptor has {rows.shape[1]} elements, the map's have {len(self.mean)}: describe with the map's "
                "settings"
            )
        standard = (rows - self.mean) / self.deviation
        standard = standard - standard.mean(axis=1, keepdims=True)
        own = np.maximum(standard.std(axis=1, keepdims=True), np.float32(_TINY))
        return np.asarray(np.clip(standard / own / np.float32(_FULL), 0.0, 1.0), np.float32)
