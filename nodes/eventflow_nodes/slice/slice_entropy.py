"""Slices that end when they say enough."""

from __future__ import annotations

from typing import ClassVar

from eventflow_nodes.slice.filling import Filling


class SliceEntropy(Filling):
    """Cut when the entropy of where events are says that they are spread over a share of the sensor.

    exp(entropy) is the effective number of blocks that had events: it grows with how far edges have moved.
    """

    measure: ClassVar[str] = "entropy"
