"""Places held against the truth."""

from __future__ import annotations

from typing import Annotated, Any

from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.messages import Place, StreamInfo
from eventflow.score.place_answers import AnswerScore


class PlaceScore(Node):
    """Report how good recognised places are: recall, precision, calibration, and how soon they are right after a jump.

    Each answer is compared with the last truth before it. `eventflow.score.place_answers` defines the results.

    Args:
        tolerance: places that a right answer may be off by.
        ring: places of a closed route, whose last lies beside its first; 0: it is open.
    """

    tolerance: Annotated[int, Range(0)] = 2
    ring: Annotated[int, Range(0)] = 0

    def start(self, truth: StreamInfo, place: StreamInfo) -> None:
        """Begin with no answer."""
        self._score = AnswerScore(tolerance=self.tolerance, ring=self.ring)
        self._true: int | None = None

    def truth(self, truth: Place) -> None:
        """Keep the latest truth."""
        self._true = truth.place

    def place(self, place: Place) -> None:
        """Compare an answer."""
        if self._true is None:
            self.skipped["answers before the first truth"] += 1
        else:
            self._score.add(place, self._true)

    def finish(self, t_end: int) -> None:
        """Report."""
        self.results.update(tolerance=self.tolerance, **self._score.result())

    def state(self) -> dict[str, Any]:
        """Return the answers so far and the truth."""
        return {"score": self._score.state(), "true": self._true}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state` returned."""
        self._score.restore(state["score"])
        self._true = state["true"]
