"""A spiking network whose state a network of rates sets, seldom."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from eventflow.errors import ParameterError
from eventflow.graph.parameters import Range
from eventflow.messages import StreamInfo
from eventflow.snn.engines.choosing import engine_of
from eventflow.snn.hybrid import HybridStreamed, OnnxStates, RateStates
from eventflow.units import Duration, ms
from eventflow_nodes.snn.network import SpikingNetwork


class Hybrid(SpikingNetwork):
    """Run a spiking network at every step, its potentials set at each `period` by a network of rates.

    The potentials are those that the mean input of the period before leads to: by the spiking network's own weights, or
    by a trained network, `ann`. Aydin et al. 2024. For the rest it is `snn`, on raw events; slices and grids are taken
    as `snn` takes them. `ann_runs` and `ann_macs` are reported beside `synops`.

    Args:
        period: between two settings, a multiple of the step, at its multiples.
        ann: an ONNX file: the mean input of a step in, the potentials of each layer of neurons out; null: the rates.
    """

    period: Annotated[Duration, Range(1)] = ms(50)
    ann: Path | None = None

    def start(self, stream: StreamInfo) -> StreamInfo:
        """Load both networks."""
        info = super().start(stream)
        if self.period % self.step:
            raise ParameterError(f"period is {self.period} µs, expected a multiple of step ({self.step} µs)")
        model = self._network.model
        states = RateStates(model) if self.ann is None else OnnxStates(model, self.ann)
        engine = engine_of(model, self.engine)
        self._streamed = HybridStreamed(engine, states, period=self.period // self.step, binary=self.binary)
        return info
