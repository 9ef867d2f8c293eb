"""Gaps in time."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.synth import augmentation
from eventflow.units import Duration, ms


class DropTime(Node):
    """Drop the events of a gap in every period, somewhere in it by chance. Unordered events are treated alike.

    Args:
        every: period, counted from event time 0.
        share: length of the gap, of the period.
        seed: of the chance.
    """

    every: Annotated[Duration, Range(1)] = ms(100)
    share: Annotated[float, Range(0, 1)] = 0.1
    seed: int = 1

    def events(self, events: Events) -> Events:
        """Drop the gaps of a packet."""
        keep = np.ones(len(events), np.bool_)
        for k in np.unique(events.t // self.every).tolist():
            begin, end = augmentation.gap_of(k, self.every, self.share, seed=self.seed)
            keep &= (events.t < begin) | (events.t >= end)
        kept = events[keep]
        self.skipped["dropped in gaps"] += len(events) - len(kept)
        return kept
