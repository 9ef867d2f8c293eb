"""Slices that a spiking network cuts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from eventflow.graph.parameters import Range
from eventflow.messages import StreamInfo
from eventflow.snn.spike_slicer import SlicerNetwork, SpikeSlicer
from eventflow.units import Duration, ms
from eventflow_nodes.slice.slicing import Slicing


class SnnSlicer(Slicing):
    """Cut where a small spiking network first fires on cells of events. Cao et al. 2024, SpikeSlicer.

    A slice begins with the first cell that has an event and ends with the cell in which the network fires, at the
    latest after `most` cells; then the network forgets. Without `weights` they are drawn from `seed`: the network is
    then not trained, and where it cuts means nothing.

    Args:
        weights: a torch file of tensors; null: drawn.
        cell: length of a cell; cells lie at its multiples.
        most: cells of the longest slice.
        seed: of the weights that are drawn.
    """

    weights: Path | None = None
    cell: Annotated[Duration, Range(1)] = ms(5)
    most: Annotated[int, Range(1, 1000)] = 20
    seed: Annotated[int, Range(0)] = 0

    def _make(self, events: StreamInfo) -> Any:
        return SpikeSlicer(SlicerNetwork(self.weights, seed=self.seed), cell_us=self.cell, most=self.most)
