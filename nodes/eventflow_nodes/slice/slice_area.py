"""Slices that end when an area is full."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import numpy as np

from eventflow.events import Events
from eventflow.graph.parameters import Range
from eventflow.kernels.adaptive_slices import AreaCountSlicer
from eventflow.messages import Flow, Slice, StreamInfo
from eventflow.units import Duration, ms, s, us
from eventflow_nodes.slice.slicing import Slicing

_LEAST_VECTORS = 50


class SliceArea(Slicing):
    """Cut when any square area of the sensor has had `count` events. Liu and Delbruck 2018, ABMOF.

    Fast things end slices early though the rest of the scene is still. With flow at hand, `count` follows it: by 5 % a
    flow message of at least 50 vectors, towards slices in which things move by `displacement`.

    Args:
        count: events of one area; the first of many where flow is connected.
        area: side of an area, px.
        displacement: how far things are to move in a slice, px; where flow is connected.
        min_duration: no slice is ended by its events before.
        max_duration: a slice is ended by time, though the scene is still.
        max_gap: how long after the last event empty slices go on.
    """

    optional_inputs: ClassVar[frozenset[str]] = frozenset({"flow"})
    count: Annotated[int, Range(1)] = 700
    area: Annotated[int, Range(1)] = 32
    displacement: Annotated[float, Range(0)] = 5.0
    min_duration: Annotated[Duration, Range(0)] = us(100)
    max_duration: Annotated[Duration, Range(1)] = ms(300)
    max_gap: Annotated[Duration, Range(0)] = s(1)

    def _make(self, events: StreamInfo) -> AreaCountSlicer:
        self._duration = 0
        return AreaCountSlicer(
            events.width,
            events.height,
            count=self.count,
            area=self.area,
            min_duration=self.min_duration,
            max_duration=self.max_duration,
            max_gap=self.max_gap,
        )

    def events(self, events: Events) -> list[Slice]:
        """Return the slices a packet completes."""
        slices = super().events(events)
        if slices:
            self._duration = slices[-1].t1 - slices[-1].t0
        return slices

    def flow(self, flow: Flow) -> list[Slice]:
        """Adapt the count to how far things moved; return the slices that end before."""
        slices = self.on_watermark(flow.t)
        if len(flow.vx) >= _LEAST_VECTORS and self._duration:
            speed = float(np.mean(np.hypot(flow.vx, flow.vy, dtype=np.float64)))
            self._slicer.feedback(speed * self._duration / 1e6, target=self.displacement)
        return slices

    def on_watermark(self, t: int) -> list[Slice]:
        """Return the slices that end at `t` or before, though no event came."""
        slices = super().on_watermark(t)
        if slices:
            self._duration = slices[-1].t1 - slices[-1].t0
        return slices

    def state(self) -> dict[str, Any]:
        """Return what is pending, and the length of the last slice."""
        return super().state() | {"duration": self._duration}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to what was pending."""
        self._duration = state["duration"]
        super().restore({name: value for name, value in state.items() if name != "duration"})
