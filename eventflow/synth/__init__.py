"""A simulated event camera and the scenes before it, with ground truth.

`render("crossing", seed=1)` is all events of a scene, `stream` its packets and truth in time order, `truth` the truth
alone, `scenes` what there is; `with_noise` adds known noise to a recording. A seed gives the same bytes on every run,
however long the run and however it is cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventflow.events import Events
from eventflow.synth.injection import with_noise
from eventflow.synth.scenes import SceneInfo, scenes
from eventflow.synth.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SceneInfo", "Simulation", "render", "scenes", "stream", "truth", "with_noise"]


def render(scene: str, *, seed: int = 0, duration: int | None = None, **parameters: Any) -> Events:
    """Return all events of a scene, with labels (1 signal, 2 noise).

    Args:
        scene: a name from `scenes()`, or the path of a video.
        seed: of everything left to chance.
        duration: µs; None: 2 s, or the whole video.
        parameters: `width`, `height`, `step` and whatever the scene (`scenes()`) and the sensor (`SensorModel`) take:
            `noise=5.0` is shot noise in events/s/px.

    Raises:
        ParameterError: an unknown scene or parameter, or a value that is not allowed.
    """
    simulation = Simulation(scene, seed=seed, duration=duration, **parameters)
    return Events.concat([Events.empty(simulation.info.width, simulation.info.height), *simulation.packets()])


def stream(scene: str, **parameters: Any) -> Iterator[tuple[Events | None, Any]]:
    """Yield (events, truth message), either of which may be None, in time order and in constant memory.

    The events of a pair are earlier than its truth's time. Parameters are those of `Simulation`.
    """
    return iter(Simulation(scene, **parameters))


def truth(scene: str, **parameters: Any) -> list[Any]:
    """Return the truth messages of a scene without making events: Tracks, Flow or Place, one every `truth_every`."""
    return list(Simulation(scene, **parameters).truth())
