"""MLPF: a small network that looks at the 7x7 pixels round an event."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Live, Range
from eventflow.kernels import denoise, mlp
from eventflow.messages import StreamInfo
from eventflow.units import Duration, ms


class MlpFilter(Node):
    """Drop the events that a multilayer perceptron takes for noise. Guo & Delbruck 2022.

    In unordered streams an age is the distance in time, to an earlier event or a later one.

    Args:
        weights: HDF5 file as Keras writes it, layers fc1 and output, such as jAER's networks or what
            `tools/train_mlpf.py` makes.
        window: age at which a neighbour no longer counts; the one that the network was trained with.
        threshold: probability of signal from which an event is kept.
        mark: keep all events and fill their scores with the logit.
        threads: 2 lets two threads judge large packets together; the same events are kept.
    """

    weights: Path
    window: Annotated[Duration, Range(1, 1 << 27)] = ms(100)
    threshold: Annotated[float, Range(0.0001, 0.9999), Live()] = 0.5
    mark: bool = False
    threads: Annotated[int, Range(1, 2)] = 1

    def start(self, events: StreamInfo) -> None:
        """Read the weights and forget all events."""
        self._network = mlp.read_mlp(self.weights)
        self._last = denoise.surface(events.width, events.height, radius=mlp.RADIUS, threads=self.threads)

    def events(self, events: Events) -> Events:
        """Filter a packet."""
        return mlp.mlpf(events, self._last, self._network, self.window, threshold=self.threshold, mark=self.mark)
