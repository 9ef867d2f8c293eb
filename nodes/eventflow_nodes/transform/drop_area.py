"""Blind rectangles."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.synth import augmentation
from eventflow.units import Duration, ms


class DropArea(Node):
    """Drop the events of a rectangle, another one by chance in every period. Unordered events are treated alike.

    Args:
        every: period, counted from event time 0.
        share: of the sensor's area.
        seed: of the chance.
    """

    every: Annotated[Duration, Range(1)] = ms(100)
    share: Annotated[float, Range(0, 1)] = 0.1
    seed: int = 1

    def events(self, events: Events) -> Events:
        """Drop the rectangles of a packet."""
        keep = np.ones(len(events), np.bool_)
        number = events.t // self.every
        for k in np.unique(number).tolist():
            x0, y0, x1, y1 = augmentation.rectangle_of(k, events.width, events.height, self.share, seed=self.seed)
            inside = (events.x >= x0) & (events.x < x1) & (events.y >= y0) & (events.y < y1)
            keep &= ~(inside & (number == k))
        kept = events[keep]
        self.skipped["dropped by area"] += len(events) - len(kept)
        return kept
