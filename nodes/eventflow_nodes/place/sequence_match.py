"""Similarities joined over time."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from eventflow.errors import ParameterError
from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.messages import Grid, Place, StreamInfo
from eventflow.place.belief import Motion
from eventflow.place.map_file import load_map
from eventflow.place.recogniser import DEFAULT_THRESHOLD, Recogniser, matcher_named


class SequenceMatch(Node):
    """Join the similarities that `place_recognise` gives, or any other source of them, over time: one place a window.

    A similarity is a grid of one row, a number a place in the order of driving, the higher the more alike.

    Args:
        map: that the similarities are of; it says where drives begin and what a similarity is worth.
        sequence: as of `place_recognise`.
        length: windows of a sequence.
        fastest: places that the camera may advance in a window, for `filter`.
        threshold: how sure an answer must be.
        reach: places beside the right one that count as right.
        matcher: that gave the similarities.
    """

    map: Path
    sequence: Literal["filter", "diagonal", "speeds", "none"] = "diagonal"
    length: Annotated[int, Range(1, 1000)] = 10
    fastest: Annotated[int, Range(1, 64)] = 3
    threshold: Annotated[float, Range(0, 1)] = DEFAULT_THRESHOLD
    reach: Annotated[int, Range(0, 1000)] = 2
    matcher: Literal["correlation", "l1", "sparse"] = "correlation"

    def start(self, similarity: StreamInfo) -> None:
        """Load the map."""
        found = load_map(self.map)
        self._recogniser = Recogniser(
            found,
            matcher=matcher_named(self.matcher, found),
            sequence=self.sequence,
            length=self.length,
            motion=Motion(fastest=self.fastest),
            threshold=self.threshold,
            reach=self.reach,
        )

    def similarity(self, similarity: Grid) -> Place:
        """Return the place after one window more."""
        row = similarity.data.reshape(-1)
        if len(row) != len(self._recogniser.places):
            raise ParameterError(
                f"a similarity of {len(row)} places at t={similarity.t} µs, but {self.map} has "
                f"{len(self._recogniser.places)}"
            )
        return self._recogniser.join(row, t=similarity.t)

    def state(self) -> dict[str, Any]:
        """Return the belief and the last windows."""
        return self._recogniser.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to an earlier belief."""
        self._recogniser.restore(state)
