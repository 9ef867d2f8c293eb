"""A webcam before the simulated sensor, on a machine that has none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from eventflow.errors import LinkError
from eventflow.events import Events
from eventflow.messages import Reset, Watermark
from eventflow.synth.frames import FrameSimulation
from eventflow.synth.sensor import SensorModel
from eventflow_nodes.sources import webcam

_STILL = SensorModel(noise=0.0, leak=0.0, mismatch=0.0, bandwidth=0.0, refractory=0)


def square(x: int) -> Any:
    image = np.full((40, 60, 3), 40, np.uint8)
    image[10:20, x : x + 10] = 220
    return image


class Capture:
    """What cv2.VideoCapture is, with frames that come at 30 Hz of a clock that nobody waits for."""

    def __init__(self, frames: list[Any], clock: list[int]) -> None:
        self._frames, self._clock, self.released = list(frames), clock, False

    def isOpened(self) -> bool:
        return True

    def set(self, option: int, value: float) -> None:
        pass

    def read(self) -> tuple[bool, Any]:
        self._clock[0] += 33_333_000
        return (True, self._frames.pop(0)) if self._frames else (False, None)

    def release(self) -> None:
        self.released = True


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch) -> Any:
    clock = [0]
    monkeypatch.setattr(webcam.time, "monotonic_ns", lambda: clock[0])
    monkeypatch.setattr(webcam, "_RETRY_S", 0.0)

    def sessions(*every: list[Any]) -> list[Capture]:
        waiting = [Capture(frames, clock) for frames in every]
        devices = list(waiting)

        def opened(*_: Any) -> Capture:
            if not waiting:
                raise LinkError("webcam 0: there is no /dev/video0")
            return waiting.pop(0)

        monkeypatch.setattr(webcam, "_opened", opened)
        return devices

    return sessions


def test_what_moves_makes_events_at_its_edges_and_between_the_frames(plug: Any) -> None:
    plug([square(5 + 2 * k) for k in range(10)])
    node = webcam.Webcam(noise=0.0, leak=0.0, patience=0, step=1000)
    assert (node.start().width, node.start is not None) == (60, True)
    seen = list(node.run())
    events = Events.concat([each for each in seen if isinstance(each, Events)])
    assert len(events) > 500
    assert set(np.unique(events.y)) <= set(range(10, 20))
    assert len(np.unique(events.t // 1000 % 33)) > 10  # not at the frames alone
    assert (np.diff(events.t) >= 0).all()
    assert isinstance(seen[-1], Watermark)
    assert seen[-1].t == 9 * 33_333 // 1000 * 1000
    assert node.results["frames"] == 10


def test_a_still_scene_is_silent_and_a_step_of_light_is_its_share_of_thresholds() -> None:
    frame = np.full((4, 6), 50, np.uint8)
    simulation = FrameSimulation(frame, width=6, height=4, model=_STILL, step_us=1000)
    assert len(simulation.show(frame, 40_000)) == 0
    brighter = simulation.show(np.full((4, 6), 100, np.uint8), 80_000)
    dark = _STILL.dark
    crossings = int(np.log((100 / 255 + dark) / (50 / 255 + dark)) / 0.2)
    assert len(brighter) == 24 * crossings
    assert brighter.p.all()
    assert 40_000 <= brighter.t[0] < brighter.t[-1] <= 80_000


def test_an_unplugged_webcam_is_a_counted_gap(plug: Any) -> None:
    devices = plug([square(5), square(9)], [square(20), square(30)])
    node = webcam.Webcam(noise=0.0, leak=0.0, patience=1)
    node.start()
    seen: list[Any] = []
    items = node.run()
    with pytest.raises(LinkError, match="was unplugged and did not come back"):
        seen += iter(lambda: seen.append(next(items)), 0)
    assert sum(isinstance(each, Reset) for each in seen) == 1
    assert node.skipped == {"gaps": 1}
    assert all(each.released for each in devices)


def test_no_webcam_says_where_it_was_looked_for() -> None:
    with pytest.raises(LinkError, match=r"webcam 63: there is no /dev/video63; there is .*Is it plugged in"):
        webcam.Webcam(device="63").start()
