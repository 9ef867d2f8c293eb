"""A mask of pixels, such as the dirt on a lens or the robot's own arm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from eventflow.errors import ParameterError
from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.kernels import selection
from eventflow.messages import StreamInfo


class Mask(Node):
    """Keep the events at pixels where a picture is not black.

    Unordered streams are filtered all the same.

    Args:
        path: a picture of the sensor's size (PNG and the like), or a .npy file of shape (height, width).
        invert: keep the events where it is black instead.
    """

    path: Path
    invert: bool = False

    def start(self, events: StreamInfo) -> None:
        """Read the picture."""
        found = _picture(self.path)
        if found.shape != (events.height, events.width):
            raise ParameterError(
                f"{self.path} has shape {found.shape}, expected {events.height} rows of {events.width} pixels"
            )
        self._mask = found == self.invert

    def events(self, events: Events) -> Events:
        """Filter a packet."""
        return selection.inside_mask(events, self._mask)


def _picture(path: Path) -> Any:
    """Return where the picture is black: bool, shape (height, width)."""
    try:
        if path.suffix == ".npy":
            return np.load(path, allow_pickle=False) == 0
        import cv2

        image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE)
    except (OSError, ValueError) as error:
        raise ParameterError(f"{path}: {error}") from None
    except cv2.error:
        image = None
    if image is None:
        raise ParameterError(f"{path} is no picture; give a PNG or a .npy of shape (height, width)")
    return np.asarray(image) == 0
