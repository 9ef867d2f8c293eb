"""A denoiser without a parameter: what is recent, and how near is near, follow from the stream itself.

The last events of the 48 pixels within 3 px of an event are looked at on six time scales at once, 0.5 to 512 ms:

    S[ring, side, k] = sum of max(0, 1 - |e.t - T[n]| / tau[k]) over the pixels n of a ring (own, 1, 2 or 3 px away)
                       whose last event has the polarity of e (side 0) or the other (side 1)

A fast scene shows in the short scales near the event, a slow one in the long scales farther out, noise alike in all.
What to expect of noise comes from the stream too: how often events of the whole sensor, and of this pixel, had no
neighbour within 5 ms, how busy the sensor is, and how busy the 8x8 pixels round the event are. One small network (one
hidden layer) weighs all of this into the logarithm of the odds that the event is signal. It was trained once, by
`tools/train_adaptive.py`, on recordings and simulated scenes of many speeds with noise of many rates added.

State advances with events alone and by integers or in a fixed order, so results do not depend on packets.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.errors import ParameterError
from eventflow.kernels import adaptive_loops as loops
from eventflow.kernels.judging import judged
from eventflow.kernels.surface import Surface

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.events import Events
    from eventflow.kernels.judging import Where
    from eventflow.kernels.verdicts import Room

_WEIGHTS = Path(__file__).with_name("adaptive.npz")


@dataclass(frozen=True)
class Network:
    """What weighs the features of an event.

    Attributes:
        w1: float32, shape (features, hidden); inputs are the square roots of sums, and the context as it is.
        b1: float32, shape (hidden,).
        w2: float32, shape (hidden,).
        b2: float32.
    """

    w1: NDArray[np.float32]
    b1: NDArray[np.float32]
    w2: NDArray[np.float32]
    b2: np.float32


@cache
def trained() -> Network:
    """Return the network that comes with eventflow."""
    with np.load(_WEIGHTS, allow_pickle=False) as found:
        return Network(found["w1"], found["b1"], found["w2"], np.float32(found["b2"]))


class Memory:
    """What `adaptive` remembers of a stream of a `width` x `height` sensor.

    Attributes:
        surface: last event of each pixel.
        quiet: int64, shape (height, width), µs: when the count of lonely events of a pixel will have leaked away.
        blocks: float32, shape (rows, columns, 2): leaking counts of 8x8 pixels on two time scales.
        block_times: int64, shape (rows, columns), µs.
        sensor: float64: what is known of the whole sensor, see `adaptive_loops`.
    """

    def __init__(self, width: int, height: int) -> None:
        rows, columns = -(-height // loops.BLOCK), -(-width // loops.BLOCK)
        self.surface = Surface(width, height, loops.RADIUS)
        self.quiet = np.full((height, width), loops.LONG_AGO, np.int64)
        self.blocks = np.zeros((rows, columns, 2), np.float32)
        self.block_times = np.full((rows, columns), loops.LONG_AGO, np.int64)
        self.sensor = np.zeros(loops.SENSOR_ENTRIES, np.float64)

    def state(self) -> dict[str, Any]:
        """Return a copy of everything that later results depend on, as plain values."""
        arrays = {name: getattr(self, name).copy() for name in ("quiet", "blocks", "block_times", "sensor")}
        return {"surface": self.surface.state(), **arrays}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state` returned."""
        self.surface.restore(state["surface"])
        for name in ("quiet", "blocks", "block_times", "sensor"):
            setattr(self, name, state[name].copy())


def memory(width: int, height: int) -> Memory:
    """Return the memory of `adaptive` before its first event."""
    return Memory(width, height)


def adaptive(
    events: Events,
    state: Memory,
    *,
    threshold: float = 0.0,
    network: Network | None = None,
    mark: bool = False,
) -> Events:
    """Return the events that are rather signal than noise.

    Args:
        events: in any order; not written.
        state: from `memory`; brought up to date.
        threshold: logarithm of the odds for signal from which an event is kept; 0 takes signal and noise for equally
            likely beforehand. Larger keeps less.
        network: instead of the one that comes with eventflow.
        mark: keep everything and fill `scores` with the logarithm of the odds. Signal has the larger scores.

    Raises:
        ParameterError: the memory is of another sensor.
    """
    used = network or trained()
    _check(events, state, used)
    context = (state.quiet, state.blocks, state.block_times, state.sensor)
    weights = (used.w1, used.b1, used.w2, used.b2)

    def step(words: NDArray[np.int64], where: Where, room: Room) -> int:
        cells, base, stride, _ = where
        return int(loops.adaptive(words, cells, base, stride, *context, *weights, threshold, *room))

    return judged(events, state.surface, loops.LONGEST, step, mark=mark)


def features(events: Events, state: Memory) -> NDArray[np.float32]:
    """Return what the network sees of each event, for training it.

    Returns:
        float32, shape (n, features).
    """
    state.surface.check(events, loops.RADIUS)
    rows = np.empty((len(events), loops.FEATURES), np.float32)
    for begin, words in state.surface.pieces(events, loops.LONGEST):
        where = (state.surface.cells, state.surface.base, state.surface.stride)
        loops.features(words, *where, state.quiet, state.blocks, state.block_times, state.sensor, rows[begin:])
    return rows


def _check(events: Events, state: Memory, network: Network) -> None:
    state.surface.check(events, loops.RADIUS)
    hidden = len(network.b1)
    if network.w1.shape != (loops.FEATURES, hidden) or network.w2.shape != (hidden,) or hidden != loops.HIDDEN:
        raise ParameterError(
            f"the network has shapes {network.w1.shape} and {network.w2.shape}, "
            f"expected ({loops.FEATURES}, {loops.HIDDEN}) and ({loops.HIDDEN},)"
        )
