"""Intensity images from events and frames."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.kernels.complementary import ComplementaryFilter as Filter
from eventflow.kernels.slices import TimeSlicer
from eventflow.messages import Frame, Slice, StreamInfo
from eventflow.units import Duration, ms, s


class ComplementaryFilter(Node):
    """Estimate intensity from events, and from frames where there are any: an image at every multiple of a period.

    Scheerlinck et al. 2018. Without frames what stands still fades to grey. Across gaps images go on for `max_gap`.

    Args:
        every: period of the images, counted from event time 0.
        contrast: change of log intensity that an event tells.
        tau: after this time a pixel has come to the level of the frame (or grey) but for 0.37.
        max_gap: how long after the last event images go on.
    """

    optional_inputs: ClassVar[frozenset[str]] = frozenset({"frame"})
    heavy: ClassVar[bool] = True
    every: Annotated[Duration, Range(1)] = ms(20)
    contrast: Annotated[float, Range(1e-6, 10)] = 0.2
    tau: Annotated[Duration, Range(1)] = ms(200)
    max_gap: Annotated[Duration, Range(0)] = s(1)

    def start(self, events: StreamInfo, frame: StreamInfo | None = None) -> StreamInfo:
        """Begin with grey."""
        self._filter = Filter(events.width, events.height, contrast=self.contrast, tau=self.tau)
        self._slicer = TimeSlicer(self.every, max_gap=self.max_gap)
        self._frames: list[Frame] = []
        return events

    def events(self, events: Events) -> list[Frame]:
        """Return the images whose time a packet reaches."""
        return self._images(self._slicer.push(events))

    def frame(self, frame: Frame) -> list[Frame]:
        """Keep a frame until the events before it have been seen."""
        images = self._images(self._slicer.advance(frame.t))
        self._frames.append(frame)
        return images

    def on_watermark(self, t: int) -> list[Frame]:
        """Return the images up to `t`, though no event came."""
        return self._images(self._slicer.advance(t))

    def finish(self, t_end: int) -> list[Frame]:
        """Return the image of the period that the end cuts short."""
        return self._images(self._slicer.finish())

    def state(self) -> dict[str, Any]:
        """Return levels, frames and what is pending."""
        own = {"cells": self._filter.cells.copy(), "base": self._filter.base.copy(), "frames": list(self._frames)}
        return own | {"slicer": self._slicer.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to earlier levels."""
        self._filter.cells[:] = state["cells"]
        self._filter.base = state["base"].copy()
        self._frames = list(state["frames"])
        self._slicer.restore(state["slicer"])

    def _images(self, slices: list[Slice]) -> list[Frame]:
        return [self._image(piece) for piece in slices]

    def _image(self, piece: Slice) -> Frame:
        begin = piece.events.t[0] if len(piece) else piece.t0
        while self._frames and self._frames[0].t < piece.t1:
            frame = self._frames.pop(0)
            self._filter.push(piece.events.between(int(begin), frame.t))
            self._filter.set_frame(frame.image, frame.t)
            begin = max(int(begin), frame.t)
        self._filter.push(piece.events.between(int(begin), piece.t1))
        return Frame(self._filter.image(piece.t1), piece.t1)
