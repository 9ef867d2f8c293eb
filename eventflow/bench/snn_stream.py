"""A camera's stream through a network of ours: events a second, and how long a decision takes."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from eventflow import io
from eventflow.bench import inputs
from eventflow.bench.model import Reading, Row, measured
from eventflow.snn.layers import Conv2d, Flatten, Linear, SumPool2d
from eventflow.snn.model import Model
from eventflow.snn.neuron import Neuron, Reset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from eventflow.snn.engine import State
    from eventflow.snn.model import Layer
    from eventflow.snn.neuron import Array

RECORDING: Final = "aedat/davis346_demo01.aedat4"
STEP_US: Final = 1000
_ROUNDS: Final = 5


def gesture_network(height: int = 260, width: int = 346, classes: int = 11, seed: int = 1) -> Model:
    """Return a network for a whole sensor, three convolutions of leaky neurons and a readout; its weights are random.

    Thresholds are such that each layer fires about as often as the one before it, so that no layer is idle.
    """
    rng = np.random.default_rng(seed)

    def convolution(into: int, out: int, size: int, stride: int) -> Conv2d:
        weight = rng.normal(0.05, 1, (out, into, size, size)) * np.sqrt(1 / (into * size * size))
        side = size // 2
        return Conv2d(weight=weight, stride=(stride, stride), padding=((side, side), (side, side)))

    def leaky(threshold: float) -> Neuron:
        return Neuron(
            decay=np.full((), np.exp(-STEP_US / 20_000)),
            gain=np.ones(()),
            offset=np.zeros(()),
            threshold=np.full((), threshold),
            reset=Reset.ZERO,
        )

    layers: dict[str, Layer] = {
        "conv1": convolution(2, 16, 5, 2),
        "lif1": leaky(0.6),
        "pool1": SumPool2d(kernel=(2, 2), stride=(2, 2)),
        "conv2": convolution(16, 32, 3, 2),
        "lif2": leaky(0.6),
        "pool2": SumPool2d(kernel=(2, 2), stride=(2, 2)),
        "conv3": convolution(32, 32, 3, 2),
        "lif3": leaky(0.6),
        "flat": Flatten(),
    }
    size = Model.chain((2, height, width), layers, step_us=STEP_US).output_shape[0]
    layers["linear"] = Linear(weight=rng.normal(0.02, 1, (classes, size)) * np.sqrt(1 / size))
    layers["lif4"] = leaky(1.0)
    return Model.chain((2, height, width), layers, step_us=STEP_US)


def stream_rows(clock: Callable[[], float]) -> Iterator[Row]:
    """Yield events a second and the time from a step's last event to its answer."""
    from eventflow.snn.engines.sparse import SparseEngine

    root = inputs.samples()
    if root is None:
        return
    events = io.read(root / RECORDING, backwards="clamp", origin="zero")
    engine = SparseEngine(gesture_network(events.height, events.width))
    ends = np.arange(STEP_US, int(events.t[-1]) + STEP_US, STEP_US)
    cuts = [0, *np.searchsorted(events.t, ends).tolist()]
    packets = [events[a:b] for a, b in pairwise(cuts)]
    rates, latencies = [], []
    for turn in range(_ROUNDS + 1):
        state: State = engine.start()
        took: list[float] = []
        for packet, end in zip(packets, ends, strict=True):
            begun = clock()
            _, state = engine.feed(packet, state, until=int(end))
            took.append(clock() - begun)
        if turn:  # the first compiles
            rates.append(len(events) / sum(took) / 1e6)
            latencies.append(float(np.percentile(took, 99)) * 1e6)
    synops, fired = engine.synops(state), engine.spikes(state)
    note = f"{len(events)} events in {len(packets)} steps; {sum(synops.values()) / len(events):.0f} synops an event; "
    note += "spikes " + ", ".join(f"{name} {count}" for name, count in fired.items())
    note += f"; {sum(synops.values()) / len(events) * max(rates) * 1e-3:.2f} GSOP/s. One call a step."
    what = "346x260 stream, four leaky layers, steps of 1 ms"
    yield Row("snn.stream.rate", what, "Mev/s", Reading(max(rates), _middle(rates)), note=note)
    yield measured("snn.stream.p99", "the same, a decision, p99", "µs", latencies)


def _middle(values: list[float]) -> float:
    ordered: Array = np.sort(values)
    return float(ordered[len(ordered) // 2])
