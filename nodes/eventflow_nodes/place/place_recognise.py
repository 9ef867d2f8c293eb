"""Which place of a map it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np

from eventflow.errors import ParameterError
from eventflow.graph.node import Node
from eventflow.graph.parameters import Live, Range
from eventflow.messages import Descriptor, Grid, Place, StreamInfo
from eventflow.place.belief import Motion
from eventflow.place.descriptors import DescriptorSettings
from eventflow.place.map_file import load_map
from eventflow.place.recogniser import DEFAULT_THRESHOLD, Recogniser, matcher_named


class Recognised(NamedTuple):
    """The answer, and the similarity to every place: one row, in the order of driving."""

    place: Place | None = None
    similarity: Grid | None = None


class PlaceRecognise(Node):
    """Say at each window which place of a map it shows and how sure that is, from this and earlier windows.

    `score` is the probability of being within `reach` places of the first alternative, calibrated from the map alone;
    below `threshold` the place is -1. While the camera stands still the last answer is repeated, `held`.

    Args:
        map: what `place_learn` wrote.
        threshold: how sure an answer must be.
        sequence: how windows are joined. `filter`: a belief with a motion model; `diagonal`: the mean over the last
            `length` at the map's speed; `speeds`: at the best of several; `none`: each for itself.
        length: windows of a sequence, for `diagonal` and `speeds`.
        fastest: places that the camera may advance in a window, for `filter`.
        reach: places beside the right one that count as right.
        alternatives: how many places are named.
        matcher: how windows are compared. `correlation`: cosine of standardised cells, the best over shifted views;
            `l1`: sum of absolute differences; `sparse`: that of the cells that say most. Trained on the map as the run
            begins: `tempo` and `lens`, a neuron a place in a temporal code; `ensemble`, five of them; `population`,
            competing spiking neurons.
    """

    map: Path
    threshold: Annotated[float, Range(0, 1), Live()] = DEFAULT_THRESHOLD
    sequence: Literal["filter", "diagonal", "speeds", "none"] = "filter"
    length: Annotated[int, Range(1, 1000)] = 10
    fastest: Annotated[int, Range(1, 64)] = 3
    reach: Annotated[int, Range(0, 1000)] = 2
    alternatives: Annotated[int, Range(1, 1000)] = 5
    matcher: Literal["correlation", "l1", "sparse", "tempo", "lens", "ensemble", "population"] = "correlation"

    def start(self, descriptor: StreamInfo) -> StreamInfo:
        """Load the map; refuse descriptors of another kind."""
        found = load_map(self.map)
        plain = descriptor.attributes.get("descriptor")
        if plain is None:
            raise ParameterError("place_recognise wants what `describe` gives: its settings are not with the stream")
        try:
            found.check(DescriptorSettings.from_dict(plain))
        except ParameterError as error:
            raise ParameterError(f"{self.map}: {error}") from None
        self._recogniser = Recogniser(
            found,
            matcher=matcher_named(self.matcher, found),
            sequence=self.sequence,
            length=self.length,
            motion=Motion(fastest=self.fastest),
            threshold=self.threshold,
            reach=self.reach,
            alternatives=self.alternatives,
        )
        return descriptor.having(width=0, height=0)

    def descriptor(self, descriptor: Descriptor) -> Recognised:
        """Return the place of one window."""
        self._recogniser.threshold = self.threshold
        place = self._recogniser.push(descriptor.vector, t=descriptor.t, count=descriptor.count)
        if place.held:
            self.skipped["windows in which nothing moved"] += 1
        row = np.ascontiguousarray(self._recogniser.scores, np.float32)[None, None]
        return Recognised(place, Grid(row, descriptor.t0, descriptor.t1, ("similarity",)))

    def state(self) -> dict[str, Any]:
        """Return the belief and the statistics."""
        return self._recogniser.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to an earlier belief."""
        self._recogniser.restore(state)
