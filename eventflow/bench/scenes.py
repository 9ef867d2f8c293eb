"""Simulated scenes whose own rate is a stated one: ten objects before a camera of 1280x720, 30 % of the events noise.

Nothing is sped up, for that would change what a filter keeps: size and speed of the objects and the noise of the pixels
are those at which the simulated camera gives that many events a second.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.bench import inputs
from eventflow.synth.simulation import Simulation

if TYPE_CHECKING:
    from pathlib import Path

WIDTH: Final = 1280
HEIGHT: Final = 720
OBJECTS: Final = 10
_VERSION: Final = 1


@dataclass(frozen=True)
class SceneRate:
    """What gives a rate.

    Attributes:
        size: of the objects, px.
        speed: px/s.
        noise: shot noise of a dark pixel, events/s/px.
        seconds: how much of it is rendered; it is played again after that.
    """

    size: float
    speed: float
    noise: float
    seconds: float


RATES: Final = {
    1: SceneRate(60, 104, 0.475, 2.0),
    5: SceneRate(110, 340, 2.375, 2.0),
    10: SceneRate(150, 515, 4.75, 2.0),
    20: SceneRate(220, 785, 9.5, 1.0),
}
"""By Mev/s."""


def scene_source(mev_per_s: int, seconds: float) -> dict[str, Any]:
    """Return the entry of a graph that plays a scene for so long."""
    return {
        "use": "bench_scene",
        "path": str(scene_path(mev_per_s)),
        "width": WIDTH,
        "height": HEIGHT,
        "seconds": seconds,
    }


def scene_path(mev_per_s: int) -> Path:
    """Return the .npy file of a rendered scene: records as bytes V16. It takes about a minute the first time."""
    rate = RATES[mev_per_s]
    path = inputs.folder() / f"scene-{mev_per_s}-v{_VERSION}.npy"
    if not path.exists():
        simulation = Simulation(
            "shapes",
            seed=1,
            duration=round(rate.seconds * 1e6),
            width=WIDTH,
            height=HEIGHT,
            count=OBJECTS,
            size=rate.size,
            speed=rate.speed,
            noise=rate.noise,
            leak=0.0,
            packet_events=1 << 20,
        )
        records = np.concatenate([packet.records.view("V16") for packet in simulation.packets()])
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            np.save(file, records)
        os.replace(part, path)
    return path
