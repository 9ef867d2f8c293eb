"""The distortion of the lens, taken out event by event."""

from __future__ import annotations

import numpy as np

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.kernels import selection
from eventflow.messages import StreamInfo


class Undistort(Node):
    """Move each event to where a camera without distortion would have seen it, by OpenCV's camera model.

    Events that fall out of the image are dropped and counted as `outside`. Several pixels may go to one place, and some
    places get none: whoever counts on each pixel (a hot pixel filter, say) comes first.

    Unordered streams stay as they are in time.

    Args:
        fx: focal length, px.
        fy: focal length, px.
        cx: principal point, px; absent: the middle of the sensor.
        cy: principal point, px; absent: the middle of the sensor.
        distortion: k1, k2, p1, p2[, k3[, k4, k5, k6]], as OpenCV's calibrateCamera gives them; k1..k4 for a fisheye.
        fisheye: OpenCV's fisheye model.
    """

    fx: float
    fy: float
    cx: float | None = None
    cy: float | None = None
    distortion: list[float]
    fisheye: bool = False

    def start(self, events: StreamInfo) -> None:
        """Work out where each pixel goes."""
        cx = (events.width - 1) / 2 if self.cx is None else self.cx
        cy = (events.height - 1) / 2 if self.cy is None else self.cy
        camera = np.array([[self.fx, 0, cx], [0, self.fy, cy], [0, 0, 1]], np.float64)
        self._table = selection.undistortion(events.width, events.height, camera, self.distortion, fisheye=self.fisheye)

    def events(self, events: Events) -> Events:
        """Move a packet."""
        moved = selection.undistort(events, self._table)
        if len(moved) < len(events):
            self.skipped["outside"] += len(events) - len(moved)
        return moved
