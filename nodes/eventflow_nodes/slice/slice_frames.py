"""Slices from frame to frame."""

from __future__ import annotations

from eventflow.events import Events
from eventflow.kernels.synchronous_slices import CutSlicer
from eventflow.messages import Frame, Slice, StreamInfo
from eventflow_nodes.slice.slicing import Slicing


class SliceFrames(Slicing):
    """Cut at the times of frames: a slice holds the events from one frame, included, to the next.

    What comes before the first frame and after the last is marked incomplete. Without events slices are empty.
    """

    def frame(self, frame: Frame) -> list[Slice]:
        """Return the slice that ends with a frame."""
        slices: list[Slice] = self._slicer.cut(frame.t, self._blank)
        return slices

    def _make(self, events: StreamInfo) -> CutSlicer:
        self._blank = Events.empty(events.width, events.height)
        return CutSlicer()
