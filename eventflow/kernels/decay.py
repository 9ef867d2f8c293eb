"""exp(-age / tau) for whole ages in µs, from two tables: two loads and a product cost a tenth of exp()."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TABLE_BITS = 12


@lru_cache(maxsize=16)
def decay_tables(tau: int) -> tuple[NDArray[np.float32], NDArray[np.float32], int]:
    """Return exp(-age/tau) as a product of two tables: of the upper bits of the age and of the lower `shift` bits.

    The same bytes on every CPU, and 0 for every greater age.
    """
    longest = 88 * tau  # beyond, float32 has no normal numbers left
    shift = max(_TABLE_BITS, (longest.bit_length() + 1) // 2)
    step = 1 << min(shift, 24)
    shift = min(shift, 24)
    fine = np.exp(-np.arange(step) / tau).astype(np.float32)
    coarse = np.exp(-(np.arange(longest // step + 1) * float(step)) / tau).astype(np.float32)
    coarse = np.append(coarse, np.float32(0))  # every greater age
    for table in (coarse, fine):
        table.flags.writeable = False
    return coarse, fine, shift
