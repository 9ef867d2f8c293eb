"""What every engine offers: a discrete Model run step by step, with all state in arrays that the caller keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from eventflow.snn.model import Model
    from eventflow.snn.neuron import Array

State = dict[str, "Array"]


class Engine(Protocol):
    """A discrete Model made ready to run. An engine holds no stream: the same engine serves any number of states.

    `step(x, state)` takes the input of one step, (C, H, W) or (N,), or with a leading axis of the state's batch, and
    returns the output (with that axis where the input has it) and the state after the step. `run` takes a leading axis
    of steps, (T, …), and is the same as T steps. The state given to either must not be used again: an engine may change
    it in place. State arrays have the names and shapes of `Model.state_shapes()`, each with a leading batch axis, in
    the engine's dtype; they can be put away, and given back to any engine of the same model.
    """

    model: Model

    def start(self, batch: int = 1) -> State:
        """Return the state of streams that have seen nothing."""
        ...

    def step(self, x: Array, state: State) -> tuple[Array, State]:
        """Run one step: (C, H, W) or (batch, C, H, W) of spikes or counts -> output of the same kind, state."""
        ...

    def run(self, inputs: Array, state: State) -> tuple[Array, State]:
        """Run T steps: (T, C, H, W) or (T, batch, C, H, W) -> outputs (T, …), state."""
        ...
