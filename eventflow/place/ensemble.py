"""Several matchers that answer as one: over seeds, or over descriptions of the same window.

Fischer & Milford 2020, "Event-based visual place recognition with ensembles of temporal windows"; Hussaini, Milford &
Fischer 2023, "Applications of spiking neural networks in visual place recognition" (ensembles over seeds).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eventflow.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from eventflow.place.matchers import Matcher


class EnsembleMatcher:
    """The mean of what its members say, each brought to mean 0 and deviation 1 over the places first.

    Args:
        members: matchers that have learned nothing yet.
        parts: the elements of the descriptor that each member sees, as slices; all of it by default.
    """

    trained = True

    def __init__(self, members: Sequence[Matcher], *, parts: Sequence[slice] | None = None) -> None:
        if not members or (parts is not None and len(parts) != len(members)):
            raise ParameterError(
                f"an ensemble of {len(members)} members and {len(parts or members)} parts: expected at least one "
                "member, and a part for each"
            )
        self.places = np.zeros(0, np.int64)
        self._members = list(members)
        self._parts = [slice(None)] * len(members) if parts is None else list(parts)

    def learn(self, descriptors: NDArray[np.float32], places: NDArray[np.int64]) -> None:
        """Let every member learn its part."""
        for member, part in zip(self._members, self._parts, strict=True):
            member.learn(np.ascontiguousarray(descriptors[:, part]), places)
        self.places = self._members[0].places

    def scores(self, descriptor: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the mean standardised score of every place."""
        total = np.zeros(len(self.places), np.float32)
        for member, part in zip(self._members, self._parts, strict=True):
            said = member.scores(np.ascontiguousarray(descriptor[part]))
            deviation = said.std()
            if deviation > 0:
                total += (said - said.mean()) / deviation
        return total / np.float32(len(self._members))
