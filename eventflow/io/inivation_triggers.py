"""Trigger lines of iniVation cameras: AEDAT names kinds of happenings where `Triggers` has a line and a value.

Lines 0, 1 and 2 are the external inputs and 3 the generator, value 1 rising and 0 falling; 4 is the readout of a frame
and 5 its exposure, value 1 start and 0 end. With value 1 always, 6 is a reset of timestamps and 8, 9 and 10 are pulses
on the external inputs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

AEDAT4_KINDS: Final[Mapping[int, tuple[int, int]]] = {
    0: (6, 1),
    1: (0, 1),
    2: (0, 0),
    3: (8, 1),
    4: (3, 1),
    5: (3, 0),
    6: (4, 1),
    7: (4, 0),
    8: (5, 1),
    9: (5, 0),
}
"""(line, value) by the type of a trigger in AEDAT 4."""

AEDAT3_KINDS: Final[Mapping[int, tuple[int, int]]] = {
    1: (6, 1),
    2: (0, 1),
    3: (0, 0),
    4: (8, 1),
    6: (1, 1),
    7: (1, 0),
    8: (9, 1),
    9: (2, 1),
    10: (2, 0),
    11: (10, 1),
    12: (3, 1),
    13: (3, 0),
    14: (4, 1),
    15: (4, 0),
    16: (5, 1),
    17: (5, 0),
}
"""(line, value) by the type of a special event in AEDAT 3."""


class Kinds:
    """One version's kinds, looked up both ways for whole columns."""

    def __init__(self, known: Mapping[int, tuple[int, int]]) -> None:
        self._line, self._value = np.zeros(256, np.uint8), np.zeros(256, np.uint8)
        self.known = np.zeros(256, np.bool_)
        self._kind = np.zeros((256, 2), np.uint8)
        by_meaning = {meaning: kind for kind, meaning in known.items()}
        for line in range(256):  # a line without a kind of its own is an external input all the same
            for value in (0, 1):
                self._kind[line, value] = by_meaning.get((line, value), by_meaning[0, value])
        for kind, (line, value) in known.items():
            self.known[kind], self._line[kind], self._value[kind] = True, line, value

    def lines(self, kinds: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return line and value of each kind."""
        return self._line[kinds], self._value[kinds]

    def kinds(self, line: NDArray[np.uint8], value: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the kind of each line and value."""
        found: NDArray[np.uint8] = self._kind[line, (value > 0).astype(np.uint8)]
        return found
