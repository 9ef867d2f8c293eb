"""What every engine checks before a step: the model is discrete, the input and the state are its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eventflow.errors import ParameterError

if TYPE_CHECKING:
    from eventflow.snn.engine import State
    from eventflow.snn.model import Model
    from eventflow.snn.neuron import Array


def require_discrete(model: Model) -> None:
    """Raise ParameterError unless engines can run `model`."""
    if not model.is_discrete:
        raise ParameterError(
            "the network still holds differential equations: call model.discretise(step_us=…, reset=…, rule=…, drive=…)"
        )


def checked_step(model: Model, x: Array, state: State, dtype: np.dtype[np.floating]) -> tuple[Array, bool]:
    """Return x as (batch, *input_shape) of `dtype`, contiguous, and whether it came without the batch axis.

    Raises:
        ParameterError: x has another shape, or the state is not of this model, batch or dtype.
    """
    shape = model.input_shape
    frame = np.ascontiguousarray(x, dtype)
    single = frame.shape == shape
    frame = frame.reshape(1, *shape) if single else frame
    if frame.shape[1:] != shape or frame.ndim != len(shape) + 1:
        raise ParameterError(f"the input has shape {np.shape(x)}, the network takes {shape}, or (batch, *{shape})")
    check_state(model, state, len(frame), dtype)
    return frame, single


def check_state(model: Model, state: State, batch: int, dtype: np.dtype[np.floating]) -> None:
    """Raise ParameterError unless `state` holds what a state of `batch` streams of `model` holds."""
    expected = {name: (batch, *size) for name, size in model.state_shapes().items()}
    found = {name: value.shape for name, value in state.items()}
    if found != expected:
        wrong = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
        name = wrong[0]
        raise ParameterError(
            f"the state is not of this network and batch of {batch}: {name} is {found.get(name, 'missing')}, "
            f"expected {expected.get(name, 'nothing of that name')}"
        )
    if other := [name for name, value in state.items() if value.dtype != dtype]:
        raise ParameterError(f"the state's {other[0]} is {state[other[0]].dtype}, the engine computes in {dtype}")
