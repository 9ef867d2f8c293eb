"""What is drawn over a picture of events: tracked objects with their trails, and the time."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

from eventflow.views.palette import TEXT, TRACK_COLOURS, TRACKS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.messages import Label, Tracks

_TRAIL_US: Final = 400_000
_LOOK_AHEAD_S: Final = 0.05  # a velocity is drawn as the way to be covered in this time
_FONT: Final = cv2.FONT_HERSHEY_SIMPLEX


class TrackOverlay:
    """The latest tracks, and where each of them has been."""

    def __init__(self) -> None:
        self._tracks: Tracks | None = None
        self._trails: dict[int, deque[tuple[int, float, float]]] = {}

    def add(self, tracks: Tracks) -> None:
        """Take in the objects seen at a later time than those before."""
        self._tracks = tracks
        present = [int(each) for each in tracks.id]
        self._trails = {each: self._trails.get(each, deque()) for each in present}
        for each, x, y in zip(present, tracks.x, tracks.y, strict=True):
            trail = self._trails[each]
            trail.append((tracks.t, float(x), float(y)))
            while trail[0][0] < tracks.t - _TRAIL_US:
                trail.popleft()

    def draw(self, picture: NDArray[np.uint8], scale: int) -> None:
        """Draw into a picture that is `scale` times as large as the sensor."""
        tracks = self._tracks
        if tracks is None:
            return
        for i in range(len(tracks)):
            colour = TRACKS + int(tracks.id[i]) % TRACK_COLOURS
            x, y = float(tracks.x[i]), float(tracks.y[i])
            half_w, half_h = float(tracks.w[i]) / 2, float(tracks.h[i]) / 2
            corner, opposite = _pixel(x - half_w, y - half_h, scale), _pixel(x + half_w, y + half_h, scale)
            trail = np.array([place[1:] for place in self._trails[int(tracks.id[i])]])
            cv2.polylines(picture, [_pixels(trail, scale)], False, colour, 1)
            cv2.rectangle(picture, corner, opposite, colour, 1)
            ahead = _pixel(x + float(tracks.vx[i]) * _LOOK_AHEAD_S, y + float(tracks.vy[i]) * _LOOK_AHEAD_S, scale)
            cv2.line(picture, _pixel(x, y, scale), ahead, colour, 2)
            cv2.putText(picture, str(int(tracks.id[i])), (corner[0] + 2, corner[1] - 3), _FONT, 0.4, colour, 1)


def draw_label(picture: NDArray[np.uint8], label: Label) -> None:
    """Write a class and its confidence into the upper left corner."""
    words = f"{label.name or label.label}  {label.confidence:.0%}"
    cv2.putText(picture, words, (8, 34), _FONT, 1.0, TEXT, 2)


def draw_time(picture: NDArray[np.uint8], t: int) -> None:
    """Write the time `t` (µs) into the lower left corner."""
    cv2.putText(picture, f"{t / 1e6:.3f} s", (5, picture.shape[0] - 6), _FONT, 0.4, TEXT, 1)


def _pixel(x: float, y: float, scale: int) -> Any:
    return tuple(_pixels(np.array([x, y]), scale).tolist())


def _pixels(places: NDArray[np.float64], scale: int) -> NDArray[np.int32]:
    # far outside, or nowhere: OpenCV's coordinates are 32-bit
    near = np.clip(np.nan_to_num(places, nan=-1.0), -1e4, 2e4)
    return np.rint(near * scale).astype(np.int32)
