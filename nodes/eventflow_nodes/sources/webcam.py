"""An ordinary camera as an event camera."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

from eventflow.errors import LinkError
from eventflow.events import Events
from eventflow.graph.node import Source
from eventflow.graph.parameters import Range
from eventflow.messages import Reset, StreamInfo, Watermark
from eventflow.synth.frames import FrameSimulation
from eventflow.synth.sensor import SensorModel
from eventflow.units import Duration, ms, s

_RETRY_S: Final = 0.5


class Webcam(Source):
    """Simulate an event camera before what a webcam sees: a laptop is enough to try everything.

    Frames are taken as they come, and what lies between two of them is interpolated linearly, so events are one frame
    late. Anything OpenCV captures will do: a webcam's number, a device, an RTSP address. For a video file there is
    `synth`, which gives the same bytes on every run; this does not.

    Args:
        device: number of the webcam, or a path or an address that OpenCV opens.
        width: sensor width in px; null: the camera's.
        height: sensor height in px; null: the camera's.
        fps: frames a second to ask of the camera; 0: its own.
        step: time between two interpolated images.
        seed: of mismatch and noise.
        threshold: change of ln intensity that makes an event.
        noise: shot noise of a dark pixel, events/s/px.
        leak: ON leak events/s/px.
        refractory: time after an event in which a pixel is blind.
        gamma: intensity = luma ** gamma; 2.2 undoes what webcams do to theirs.
        patience: how long a webcam that was unplugged is waited for; 0: end the stream.
    """

    live: ClassVar[bool] = True
    device: str = "0"
    width: Annotated[int, Range(1, 16384)] | None = None
    height: Annotated[int, Range(1, 16384)] | None = None
    fps: Annotated[float, Range(0, 10_000)] = 0.0
    step: Annotated[Duration, Range(100)] = ms(4)
    seed: int = 0
    threshold: Annotated[float, Range(0.01)] = 0.2
    noise: Annotated[float, Range(0)] = 1.0
    leak: Annotated[float, Range(0)] = 0.1
    refractory: Annotated[Duration, Range(0)] = 100
    gamma: Annotated[float, Range(0.001)] = 2.2
    patience: Annotated[Duration, Range(0)] = s(10)

    def start(self) -> StreamInfo:
        """Open the device and take the first frame."""
        self._begin()
        source = f"webcam {self.device}"
        return StreamInfo(self._simulation.width, self._simulation.height, t_start=0, source=source, live=True)

    def run(self) -> Iterator[Events | Reset | Watermark]:
        """Yield the events between each frame and the next."""
        while True:
            found, frame = self._capture.read()
            if not found:
                if not self.patience:
                    return
                yield from self._away()
                continue
            self._frames += 1
            self.results["frames"] = self._frames
            events = self._simulation.show(frame, (time.monotonic_ns() - self._begun_ns) // 1000)
            if len(events):
                yield events
            yield Watermark(self._simulation.t)

    def close(self, *, complete: bool) -> None:
        """Give the device back."""
        if hasattr(self, "_capture"):
            self._capture.release()
        super().close(complete=complete)

    def _begin(self) -> None:
        self._capture = _opened(self.device, self.fps, self.width, self.height)
        found, first = self._capture.read()
        if not found:
            raise LinkError(f"webcam {self.device}: gives no picture; does another program use it?")
        self._frames = getattr(self, "_frames", 0) + 1
        height, width = self.height or first.shape[0], self.width or first.shape[1]
        model = SensorModel(
            threshold_on=self.threshold,
            threshold_off=self.threshold,
            noise=self.noise,
            leak=self.leak,
            refractory=self.refractory,
        )
        options: Any = {"model": model, "seed": self.seed, "step_us": self.step, "gamma": self.gamma}
        FrameSimulation(first, width=16, height=16, **options).show(first, self.step)  # compiled before time begins
        self._begun_ns = time.monotonic_ns()
        self._simulation = FrameSimulation(first, width=width, height=height, **options)

    def _away(self) -> Iterator[Reset | Watermark]:
        lost, size = time.monotonic(), (self._simulation.width, self._simulation.height)
        logging.getLogger("eventflow.webcam").warning("webcam %s gives no more pictures; waiting for it", self.device)
        self._capture.release()
        while True:
            try:
                self.width, self.height = size
                self._begin()
                break
            except LinkError as why:
                if time.monotonic() - lost > self.patience / 1e6:
                    raise LinkError(f"webcam {self.device} was unplugged and did not come back: {why}") from None
            yield Watermark(self._simulation.t)  # so that the run may end meanwhile
            time.sleep(_RETRY_S)
        self.skipped["gaps"] += 1
        yield Reset(f"the webcam was away for {time.monotonic() - lost:.1f} s")


def _opened(device: str, fps: float, width: int | None, height: int | None) -> Any:
    import cv2

    number = device.isdecimal()
    path = Path(f"/dev/video{device}" if number else device)
    if (number or device.startswith("/")) and Path("/dev").is_dir() and not path.exists():
        there = ", ".join(sorted(str(each) for each in Path("/dev").glob("video*"))) or "no /dev/video*"
        raise LinkError(f"webcam {device}: there is no {path}; there is {there}. Is it plugged in?")
    capture = cv2.VideoCapture(int(device) if number else device)
    if not capture.isOpened():
        raise LinkError(
            f"webcam {device}: OpenCV cannot open it; is it used by another program, or is this user not in the group "
            "that may (`sudo usermod -aG video $USER`)?"
        )
    for option, value in (
        (cv2.CAP_PROP_FPS, fps),
        (cv2.CAP_PROP_FRAME_WIDTH, width),
        (cv2.CAP_PROP_FRAME_HEIGHT, height),
    ):
        if value:
            capture.set(option, value)
    return capture
