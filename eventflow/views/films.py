"""Files of pictures: MP4, GIF and PNG. A file depends on its pictures only and holds no time of making."""

from __future__ import annotations

import struct
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from eventflow.errors import ParameterError, RecordingError
from eventflow.io.parts import writing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.views.animation import Picture

SUFFIXES: Final = (".mp4", ".gif", ".png")


class Film(Protocol):
    """A file that pictures are added to."""

    def add(self, picture: Picture) -> None:
        """Append a picture."""

    def finish(self) -> None:
        """Write what belongs at the end and close the file."""


class Mp4:
    """MPEG-4 part 2 in MP4. OpenCV's wheels have no H.264 encoder; VP9 takes a hundred times as long."""

    def __init__(self, part: Path, name: str, size: tuple[int, int], fps: float, colours: NDArray[np.uint8]) -> None:
        import cv2

        self._name, self._part = name, part
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)  # `finish` says it once
        self._bgr = np.ascontiguousarray(colours[:, ::-1]).reshape(256, 1, 3)
        self._map = cv2.applyColorMap  # ten times as fast as indexing with the picture
        fourcc = cv2.VideoWriter.fourcc(*"mp4v")
        with TemporaryDirectory() as folder:
            # the encoder goes by the suffix, which a NAME.part does not have; once open the link is not needed
            link = Path(folder) / "film.mp4"
            link.symlink_to(part.resolve())
            self._writer = cv2.VideoWriter(str(link), cv2.CAP_FFMPEG, fourcc, fps, size)
        if not self._writer.isOpened():
            raise RecordingError(f"{name}: OpenCV cannot encode MP4 here; write a .gif instead")

    def add(self, picture: Picture) -> None:
        """Append a picture."""
        self._writer.write(self._map(picture.colours, self._bgr))

    def finish(self) -> None:
        """Write the index of the video.

        Raises:
            RecordingError: the file is not whole: OpenCV says nothing when a write fails.
        """
        self._writer.release()
        if b"moov" not in _boxes(self._part):
            raise RecordingError(f"{self._name}: the video could not be written whole; is the disk full?")

    def discard(self) -> None:
        """Close the file."""
        self._writer.release()


def _boxes(path: Path) -> list[bytes]:
    """The kinds of the boxes that an MP4 consists of; [] where one is cut short."""
    found, position, size = [], 0, path.stat().st_size
    with path.open("rb") as file:
        while position < size:
            file.seek(position)
            length, kind = struct.unpack(">I4s", file.read(8).ljust(8, b"\0"))
            if length == 1:
                (length,) = struct.unpack(">Q", file.read(8).ljust(8, b"\0"))
            if length < 8 or position + length > size:
                return []
            found.append(kind)
            position += length
    return found


class Gif:
    """GIF 89a, endless loop. A frame's duration is whole hundredths of a second, at least two (players' own limit)."""

    def __init__(self, part: Path, name: str, size: tuple[int, int], fps: float, colours: NDArray[np.uint8]) -> None:
        self._name, self._file = name, part.open("wb")
        self._colours = colours.tobytes()
        self._per_picture = 100 / fps
        self._shown, self._due = 0, 0.0
        if self._per_picture < 2:
            self._file.close()
            raise RecordingError(f"{name}: a GIF shows at most 50 pictures a second; choose fps of 50 or less")
        width, height = size
        self._file.write(b"GIF89a" + struct.pack("<HHBBB", width, height, 0xF7, 0, 0) + self._colours)
        self._file.write(b"!\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00")

    def add(self, picture: Picture) -> None:
        """Append a picture."""
        from PIL import GifImagePlugin, Image

        image = Image.fromarray(picture.colours)
        image.putpalette(self._colours)
        # durations are whole, so what rounding takes from one picture the next one gets
        self._due += self._per_picture
        duration = round(self._due) - self._shown
        self._shown += duration
        image.encoderinfo = {"duration": duration * 10, "disposal": 1, "include_color_table": False}
        with writing(self._name):
            for block in GifImagePlugin.getdata(image, (0, 0), duration=duration * 10, disposal=1):
                self._file.write(block)

    def finish(self) -> None:
        """Close the file."""
        with writing(self._name):
            self._file.write(b";")
            self._file.close()

    def discard(self) -> None:
        """Close the file."""
        with suppress(OSError):  # a full disk refuses the last buffer too, and the file goes anyway
            self._file.close()


class Png:
    """One picture: that with the most new events, the first of these."""

    def __init__(self, part: Path, name: str, size: tuple[int, int], fps: float, colours: NDArray[np.uint8]) -> None:
        self._part, self._name, self._colours = part, name, colours
        self._best: Picture | None = None
        self._size = size

    def add(self, picture: Picture) -> None:
        """Keep the picture if it is the busiest."""
        if self._best is None or picture.events > self._best.events:
            self._best = picture

    def finish(self) -> None:
        """Write the picture; an empty one if there was none."""
        from PIL import Image, PngImagePlugin  # noqa: F401 - named, so that no search for plugins is needed

        width, height = self._size
        numbers = np.zeros((height, width), np.uint8) if self._best is None else self._best.colours
        image = Image.fromarray(numbers)
        image.putpalette(self._colours.tobytes())
        with writing(self._name):
            image.save(self._part, format="PNG")

    def discard(self) -> None:
        """Nothing is open."""


def film(part: Path, path: Path, *, size: tuple[int, int], fps: float, colours: NDArray[np.uint8]) -> Any:
    """Return the film that is written into `part` and will be called `path`; its kind goes by the suffix.

    Args:
        part: the file to write.
        path: the target, for its suffix and for messages.
        size: (width, height) of every picture, px.
        fps: pictures a second.
        colours: RGB by colour number, uint8, shape (256, 3).
    """
    kinds = {".mp4": Mp4, ".gif": Gif, ".png": Png}
    return kinds[checked_suffix(path)](part, str(path), size, fps, colours)


def checked_suffix(path: Path) -> str:
    """Return the suffix in lower case.

    Raises:
        ParameterError: pictures are not written with this suffix.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ParameterError(
            f"{path}: pictures are written as {', '.join(SUFFIXES)}, not {suffix or 'without a suffix'}"
        )
    return suffix
