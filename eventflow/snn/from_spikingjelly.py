"""spikingjelly modules as networks: a Sequential of its layers and neurons, discrete as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.errors import ParameterError
from eventflow.snn.neuron import Fires, Neuron, Reset
from eventflow.snn.torch_modules import ChainBuilder, array_of, chained

if TYPE_CHECKING:
    from eventflow.snn.model import Model
    from eventflow.snn.neuron import Array, Shape


def from_spikingjelly(module: Any, input_shape: Shape, *, step_us: float | None = None) -> Model:
    """Return the network of a spikingjelly module (Sequential of layers, in either step mode).

    Neurons: IFNode, LIFNode, ParametricLIFNode, CUBALIFNode, MPBNLIFNode once re-parameterised. v_reset None is the
    reset by subtraction. Batch normalisation is folded with its running statistics, dropout is left out.

    Raises:
        ParameterError: a module or a setting that has no layer here; it is named.
    """
    return chained(module, input_shape, step_us, _NEURONS)


def _firing(node: Any, threshold: Array | None = None) -> dict[str, Any]:
    zero = node.v_reset is not None
    start = np.asarray(node.v_reset if zero else 0.0)
    return {
        "threshold": array_of(node.v_threshold) if threshold is None else threshold,
        "reset": Reset.ZERO if zero else Reset.SUBTRACT,
        "v_reset": start,
        "v_start": start,
        "fires": Fires.AT,
    }


def _if(chain: ChainBuilder, name: str, node: Any) -> None:
    chain.append(name, Neuron(decay=np.ones(()), gain=np.ones(()), offset=np.zeros(()), **_firing(node)))


def _leaky(node: Any, rate: Array) -> dict[str, Any]:
    leak = 0.0 if node.v_reset is None else float(node.v_reset)
    gain = rate if node.decay_input else np.ones(())
    return {"decay": 1 - rate, "gain": gain, "offset": leak * rate}


def _lif(chain: ChainBuilder, name: str, node: Any) -> None:
    chain.append(name, Neuron(**_leaky(node, np.asarray(1 / node.tau)), **_firing(node)))


def _plif(chain: ChainBuilder, name: str, node: Any) -> None:
    chain.append(name, Neuron(**_leaky(node, array_of(node.w.sigmoid())), **_firing(node)))


def _cuba(chain: ChainBuilder, name: str, node: Any) -> None:
    current: dict[str, Any] = {"current_decay": array_of(node.c_decay), "current_gain": np.ones(())}
    neuron = Neuron(decay=array_of(node.v_decay), gain=np.ones(()), offset=np.zeros(()), **current, **_firing(node))
    chain.append(name, neuron)


def _mpbn(chain: ChainBuilder, name: str, node: Any) -> None:
    if not node.fold_bn or node.normalize_residual or (node.gamma <= 0).any():
        raise ParameterError(
            f"module {name!r}: spikingjelly keeps v normalised before re_parameterize_v_threshold(), and has no fixed "
            "threshold with normalize_residual or a gamma that is not above 0; none of these has a layer here"
        )
    std = np.sqrt(array_of(node.sigma2) + node.eps)
    level = (array_of(node.v_threshold) - array_of(node.beta)) * std / array_of(node.gamma) + array_of(node.mu)
    # one threshold a channel, for (C, H, W) where it normalises images and for (C,) else
    shaped = level.reshape(-1, 1, 1) if getattr(node, "out_channels", None) is not None else level
    chain.append(name, Neuron(**_leaky(node, np.asarray(1 / node.tau)), **_firing(node, shaped)))


def _refused(chain: ChainBuilder, name: str, node: Any) -> None:
    raise ParameterError(f"module {name!r} is a {type(node).__name__}, whose step is none of those known here")


_NEURONS = {
    "IFNode": _if,
    "LIFNode": _lif,
    "ParametricLIFNode": _plif,
    "CUBALIFNode": _cuba,
    "MPBNLIFNode": _mpbn,
    "ILIFNode": _refused,
    "LIAFNode": _refused,
    "BaseNode": _refused,
}
