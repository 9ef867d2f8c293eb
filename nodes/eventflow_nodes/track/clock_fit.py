"""Two sensors' clocks compared."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from eventflow.errors import ParameterError
from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.kernels.clock_alignment import fit_clocks
from eventflow.messages import StreamInfo, Triggers
from eventflow.units import Duration, us


class ClockFit(Node):
    """Find offset and drift of one sensor's clock against another's, from edges of a trigger line that both saw.

    The results are what the node `align_clock` wants: offset_us, drift_ppm and at_us; pairs and rms_us tell how far to
    trust them. Edges may be missing on either side. Edges at equal intervals fit in many ways: let some differ.

    Args:
        line: the trigger line.
        edge: 1 rising, 0 falling.
        tolerance: how far edges that belong together may lie from the fit.
        most_drift: the largest drift that is believed, parts per million.
    """

    line: Annotated[int, Range(0, 255)] = 0
    edge: Annotated[int, Range(0, 1)] = 1
    tolerance: Annotated[Duration, Range(1)] = us(100)
    most_drift: Annotated[float, Range(0.001, 10_000)] = 500.0

    def start(self, reference: StreamInfo, other: StreamInfo) -> None:
        """Begin without edges."""
        self._reference: list[int] = []
        self._other: list[int] = []

    def reference(self, triggers: Triggers) -> None:
        """Take edges as the reference saw them."""
        self._reference += self._edges(triggers)

    def other(self, triggers: Triggers) -> None:
        """Take edges as the other sensor saw them."""
        self._other += self._edges(triggers)

    def finish(self, t_end: int) -> None:
        """Fit."""
        self.results["edges"] = [len(self._reference), len(self._other)]
        try:
            fit = fit_clocks(
                np.array(self._reference, np.int64),
                np.array(self._other, np.int64),
                tolerance_us=self.tolerance,
                most_drift_ppm=self.most_drift,
            )
        except ParameterError as error:
            self.results["failed"] = str(error)
            return
        self.results |= vars(fit)

    def _edges(self, triggers: Triggers) -> list[int]:
        chosen = (triggers.line == self.line) & (triggers.value == self.edge)
        return [int(t) for t in triggers.time[chosen]]
