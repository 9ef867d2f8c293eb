"""Which engine runs a network: the one named, or the one that is faster at the activity expected.

What a step of the N-MNIST CNN takes on one thread (`eventflow bench snn.crossover` prints it for this machine): ONNX
Runtime the same whatever happens; the event-driven engine some 0.6-0.9 ns for a synapse that a spike reaches. So it is
the faster one until about one synapse in eight is reached in a step. Events in steps of 10 ms and less stay far below
that; dense frames do not. Torch is the reference: never the fastest, and the one that trains.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal, get_args

from eventflow.errors import ParameterError

if TYPE_CHECKING:
    from eventflow.snn.engine import Engine
    from eventflow.snn.model import Model
    from eventflow.snn.neuron import Array

EngineName = Literal["auto", "sparse", "onnx", "torch"]
CROSSOVER = 1 / 8
_TURNS = 3


def engine_of(model: Model, name: EngineName = "auto", *, activity: float | None = None) -> Engine:
    """Return an engine for a discrete network.

    Args:
        model: the network.
        name: `sparse`, `onnx`, `torch`, or `auto`: sparse unless `activity` is above `CROSSOVER` and ONNX Runtime is
            installed. The clock is never asked: which engine runs does not change from one run to the next.
        activity: share of the network's synapses that spikes reach in a step, as far as it is known.

    Raises:
        ParameterError: `name` is none of these.
    """
    if name == "torch":
        from eventflow.snn.torch_network import TorchEngine

        return TorchEngine(model)
    if name not in get_args(EngineName):
        raise ParameterError(f"engine is {name!r}, expected one of {', '.join(get_args(EngineName))}")
    dense = activity is not None and activity > CROSSOVER and _has_onnx()
    if name == "onnx" or (name == "auto" and dense):
        from eventflow.snn.engines.onnx import OnnxEngine

        return OnnxEngine(model)
    from eventflow.snn.engines.sparse import SparseEngine

    return SparseEngine(model)


def faster_engine(model: Model, frames: Array) -> EngineName:
    """Return `sparse` or `onnx`, whichever steps through `frames` (T, *input_shape) faster on this machine now."""
    took: dict[EngineName, float] = {}
    names: tuple[EngineName, ...] = ("sparse", "onnx")
    engines = {name: engine_of(model, name) for name in names if name == "sparse" or _has_onnx()}
    for engine in engines.values():
        engine.run(frames[:1], engine.start())
    for _ in range(_TURNS):
        for name, engine in engines.items():
            state = engine.start()
            begun = time.perf_counter()
            engine.run(frames, state)
            took[name] = min(took.get(name, float("inf")), time.perf_counter() - begun)
    return min(took, key=lambda name: took[name])


def _has_onnx() -> bool:
    from importlib.util import find_spec

    return find_spec("onnx") is not None and find_spec("onnxruntime") is not None
