"""Slices that end when their contrast has fallen."""

from __future__ import annotations

from typing import ClassVar

from eventflow_nodes.slice.filling import Filling


class SliceContrast(Filling):
    """Cut when the contrast of the count image has fallen so far that events are spread over a share of the sensor.

    n^2 / sum of c^2 is the effective number of blocks that had events, c of n in one: exact in whole numbers.
    """

    measure: ClassVar[str] = "contrast"
