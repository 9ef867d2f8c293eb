"""A folder of images as the frames of a video: what datasets of places (Nordland and its kind) are made of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from eventflow.errors import RecordingError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".pgm", ".ppm", ".webp")


class ImageFolder:
    """Images one after the other, in the order of the numbers in their names; read when they are asked for.

    It speaks as cv2.VideoCapture does, and knows no rate of its own.

    Args:
        folder: where the images lie; what else lies there is left alone.
    """

    def __init__(self, folder: Path) -> None:
        found = (path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
        self._paths = sorted(found, key=lambda path: _by_number(path.name))
        self._next = 0
        if not self._paths:
            raise RecordingError(f"{folder}: no image lies in this folder; expected {', '.join(SUFFIXES)}")

    def read(self) -> tuple[bool, NDArray[Any] | None]:
        """Return (True, the next image), or (False, None) after the last one.

        Raises:
            RecordingError: an image cannot be decoded.
        """
        import cv2

        if self._next == len(self._paths):
            return False, None
        path = self._paths[self._next]
        self._next += 1
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            raise RecordingError(f"{path}: OpenCV cannot decode this image; remove it or write it anew")
        return True, image

    def get(self, what: int) -> float:
        """Return the number of images for CAP_PROP_FRAME_COUNT, 0 for everything else."""
        import cv2

        return float(len(self._paths)) if what == cv2.CAP_PROP_FRAME_COUNT else 0.0


def _by_number(name: str) -> list[tuple[int, str]]:
    """Return a key by which image_2 comes before image_10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
