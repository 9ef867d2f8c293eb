"""Spiking networks: a checked description that no backend owns, and engines that run it step by step.

`Model` (layers, edges, shapes) is plain NumPy; the NIR reader and the event-driven engine need nothing else. What needs
torch (cells for training, the reference engine, bridges) imports it in its own module alone.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOME = {
    "IF": "eventflow.snn.dynamics",
    "LI": "eventflow.snn.dynamics",
    "LIF": "eventflow.snn.dynamics",
    "AdaptiveLIF": "eventflow.snn.dynamics",
    "AvgPool2d": "eventflow.snn.layers",
    "Conv1d": "eventflow.snn.layers",
    "Conv2d": "eventflow.snn.layers",
    "CubaLI": "eventflow.snn.dynamics",
    "CubaLIF": "eventflow.snn.dynamics",
    "Delay": "eventflow.snn.layers",
    "DelayLinear": "eventflow.snn.layers",
    "Drive": "eventflow.snn.neuron",
    "Engine": "eventflow.snn.engine",
    "Fires": "eventflow.snn.neuron",
    "Flatten": "eventflow.snn.layers",
    "Integrator": "eventflow.snn.dynamics",
    "Linear": "eventflow.snn.layers",
    "Model": "eventflow.snn.model",
    "Neuron": "eventflow.snn.neuron",
    "Reset": "eventflow.snn.neuron",
    "Rule": "eventflow.snn.neuron",
    "Scale": "eventflow.snn.layers",
    "SumPool2d": "eventflow.snn.layers",
    "Threshold": "eventflow.snn.layers",
    "TimeDelay": "eventflow.snn.dynamics",
    "read_network": "eventflow.snn.network_file",
    "read_nir": "eventflow.snn.nir_file",
    "write_nir": "eventflow.snn.nir_writing",
}

__all__ = sorted(_HOME)

if TYPE_CHECKING:
    from eventflow.snn.dynamics import IF as IF
    from eventflow.snn.dynamics import LI as LI
    from eventflow.snn.dynamics import LIF as LIF
    from eventflow.snn.dynamics import AdaptiveLIF as AdaptiveLIF
    from eventflow.snn.dynamics import CubaLI as CubaLI
    from eventflow.snn.dynamics import CubaLIF as CubaLIF
    from eventflow.snn.dynamics import Integrator as Integrator
    from eventflow.snn.dynamics import TimeDelay as TimeDelay
    from eventflow.snn.engine import Engine as Engine
    from eventflow.snn.layers import AvgPool2d as AvgPool2d
    from eventflow.snn.layers import Conv1d as Conv1d
    from eventflow.snn.layers import Conv2d as Conv2d
    from eventflow.snn.layers import Delay as Delay
    from eventflow.snn.layers import DelayLinear as DelayLinear
    from eventflow.snn.layers import Flatten as Flatten
    from eventflow.snn.layers import Linear as Linear
    from eventflow.snn.layers import Scale as Scale
    from eventflow.snn.layers import SumPool2d as SumPool2d
    from eventflow.snn.layers import Threshold as Threshold
    from eventflow.snn.model import Model as Model
    from eventflow.snn.network_file import read_network as read_network
    from eventflow.snn.neuron import Drive as Drive
    from eventflow.snn.neuron import Fires as Fires
    from eventflow.snn.neuron import Neuron as Neuron
    from eventflow.snn.neuron import Reset as Reset
    from eventflow.snn.neuron import Rule as Rule
    from eventflow.snn.nir_file import read_nir as read_nir
    from eventflow.snn.nir_writing import write_nir as write_nir


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'eventflow.snn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
