"""Accumulators: images from events that fade."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.kernels import accumulator as kernel
from eventflow.messages import Frame, Slice, StreamInfo
from eventflow.units import Duration, s


class Accumulator(Node):
    """Add every event to its pixel's potential, which falls back with time: grey images, as dv-processing makes them.

    An image at the end of each slice, lowest potential black, highest white. Earlier slices are remembered; with decay
    `step` each image begins anew.

    Args:
        decay: how potentials fall back towards neutral.
        tau: time constant of the exponential decay.
        slope: speed of the linear decay, potential a second.
        contribution: what an event adds.
        lowest: least potential.
        neutral: potential of a pixel without events.
        highest: greatest potential.
        rectify: let OFF events add too instead of subtracting.
        synchronous: show every pixel fallen back to the end of the slice, not to its own last event.
    """

    decay: Literal["none", "linear", "exponential", "step"] = "exponential"
    tau: Annotated[Duration, Range(1)] = s(1)
    slope: Annotated[float, Range(0)] = 1.0
    contribution: float = 0.15
    lowest: float = 0.0
    neutral: float = 0.0
    highest: float = 1.0
    rectify: bool = False
    synchronous: bool = False

    def start(self, slice: StreamInfo) -> None:
        """Begin at neutral."""
        self._potentials = kernel.Accumulator(
            slice.width,
            slice.height,
            decay=self.decay,
            tau=self.tau,
            slope=self.slope,
            contribution=self.contribution,
            lowest=self.lowest,
            neutral=self.neutral,
            highest=self.highest,
            rectify=self.rectify,
            synchronous=self.synchronous,
        )

    def slice(self, slice: Slice) -> Frame:
        """Return the image at the end of one slice."""
        self._potentials.push(slice.events)
        return Frame(self._potentials.image(slice.t1), slice.t1)

    def state(self) -> dict[str, Any]:
        """Return the potentials and their times."""
        return {"cells": self._potentials.cells.copy()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to earlier potentials."""
        self._potentials.cells[:] = state["cells"]
