"""A video before the sensor: luma is intensity, interpolated linearly from frame to frame. There is no truth."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from eventflow.errors import RecordingError
from eventflow.kernels.jit import jit
from eventflow.synth.image_folder import ImageFolder
from eventflow.synth.sensor import checked_geometry, whole
from eventflow.synth.shapes import positive
from eventflow.units import ms

if TYPE_CHECKING:
    from numpy.typing import NDArray


@jit
def blend(before: NDArray[np.float32], after: NDArray[np.float32], share: float, image: NDArray[np.float32]) -> None:
    """Write into `image` what lies between two images; exact where they agree, so that what is still stays still."""
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            image[y, x] = before[y, x] + np.float32(share) * (after[y, x] - before[y, x])


@dataclass(kw_only=True)
class Video:
    """A video file, or a folder of images, as a scene.

    Attributes:
        path: the file, whatever OpenCV reads; or a folder, whose images follow each other by their numbers.
        width: sensor width, px; None: that of the video.
        height: sensor height, px; None: that of the video.
        seed: not used: a video leaves nothing to chance.
        fps: frames per second; 0: as the file says. A folder of images has to be told.
        gamma: intensity = luma ** gamma.
    """

    STEP_US: ClassVar[int] = ms(2)

    path: str
    width: int = field(default=None)  # type: ignore[assignment]
    height: int = field(default=None)  # type: ignore[assignment]
    seed: int = 0
    fps: float = 0.0
    gamma: float = 1.0

    def __post_init__(self) -> None:
        positive(self, "fps", low=0.0)
        positive(self, "gamma", low=1e-3)
        self._capture = _opened(self.path)
        self._rate, self._frames = self._timing()
        first = self._read()
        if first is None:
            raise RecordingError(f"{self.path}: no frame could be decoded; is it a video?")
        self.width, self.height = checked_geometry(self.width or first.shape[1], self.height or first.shape[0])
        self._before = self._after = self._fitted(first)
        self._index = 0
        self._ended = False
        self.image = self._before.copy()

    def _timing(self) -> tuple[float, int]:
        import cv2

        rate = self.fps or float(self._capture.get(cv2.CAP_PROP_FPS))
        if not 0.0 < rate < 1e6:
            what = "a folder of images has no rate" if Path(self.path).is_dir() else f"the file gives {rate:g}"
            raise RecordingError(f"{self.path}: {what}; say how many frames a second, fps=")
        return rate, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))

    @property
    def duration(self) -> int | None:
        """From the first to the last frame, µs; None where the file does not tell."""
        return round((self._frames - 1) / self._rate * 1e6) if self._frames > 1 else None

    def _read(self) -> NDArray[Any] | None:
        found, frame = self._capture.read()
        return frame if found else None

    def _fitted(self, frame: NDArray[np.uint8]) -> NDArray[np.float32]:
        return intensity_of(frame, self.width, self.height, self.gamma)

    def draw(self, t: int) -> NDArray[np.int64]:
        """Bring `image` to time `t` (µs); after the last frame it stays."""
        place = t * 1e-6 * self._rate
        while self._index < int(place) + 1 and not self._ended:
            self._before = self._after
            frame = self._read()
            self._ended = frame is None
            if frame is not None:
                self._after = self._fitted(frame)
                self._index += 1
        share = 1.0 if self._ended else min(max(place - (self._index - 1), 0.0), 1.0)
        blend(self._before, self._after, share, self.image)
        return whole(self.width, self.height)

    def truth(self, t: int) -> None:
        """There is none."""


def intensity_of(frame: NDArray[Any], width: int, height: int, gamma: float) -> NDArray[np.float32]:
    """Return an image of OpenCV's, grey or in BGR, as intensity: float32, shape (height, width), 0 to 1."""
    import cv2

    grey = frame if frame.ndim == 2 else cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
    luma = grey.astype(np.float32) / np.float32(255.0)
    if luma.shape != (height, width):
        luma = cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(luma if gamma == 1.0 else luma**gamma, np.float32)


def _opened(path: str) -> Any:
    import cv2

    if Path(path).is_dir():
        return ImageFolder(Path(path))
    if not Path(path).is_file():
        raise RecordingError(f"{path}: no such file" if not Path(path).exists() else f"{path}: not a file")
    capture = cv2.VideoCapture(path)
    if not capture.isOpened():
        raise RecordingError(f"{path}: OpenCV cannot open it as a video")
    return capture
