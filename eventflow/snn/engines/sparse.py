"""The event-driven engine: a step costs what its spikes reach, not what the network has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eventflow.errors import EventsError, ParameterError
from eventflow.kernels.words import words_of
from eventflow.snn.engines import fields as at
from eventflow.snn.engines import kernel
from eventflow.snn.engines.lowering import lowered
from eventflow.snn.engines.program import compiled
from eventflow.snn.engines.state import FLOATS, INTS, SparseState, fresh, taken_over

if TYPE_CHECKING:
    from eventflow.events import Events
    from eventflow.snn.engine import State
    from eventflow.snn.model import Model
    from eventflow.snn.neuron import Array

REPLAYED_STEPS = 16
_ROOM = 4096


@dataclass(frozen=True, eq=False)
class Spikes:
    """What a network put out, in the order of steps: `step` int64, `unit` int64 (C order), `value`."""

    step: Array
    unit: Array
    value: Array


class SparseEngine:
    """Updates only the neurons that events reach, and gives what a dense simulation gives.

    Neurons that can fire by themselves (still above their threshold, or with a current that may lift them) stay in
    play. Leaky neurons that nothing reaches are left alone and make up for the steps they missed when something does:
    up to `replayed_steps` in the dense order, bit for bit; more of them in closed form, which differs from the dense
    result by its rounding (below 1e-6 of v). Sums of inputs are taken in the order of spikes: exact where the sums of
    weights are, elsewhere the last bits may differ from another engine's.

    Args:
        model: discrete.
        dtype: float32 or float64.
        replayed_steps: see above; a large number makes every step bit-exact, at the price of a dense one's time for
            leaky neurons that have rested long.
    """

    def __init__(
        self, model: Model, *, dtype: type[np.floating] = np.float32, replayed_steps: int = REPLAYED_STEPS
    ) -> None:
        if np.dtype(dtype) not in (np.float32, np.float64):
            raise ParameterError(f"dtype is {np.dtype(dtype)}, expected float32 or float64")
        self.model = model
        self.dtype = np.dtype(dtype)
        self.replay = replayed_steps
        self.parts = lowered(model)
        self.program = compiled(model, self.parts, dtype)
        self._input = model.input_shape
        self._batched = len(self._input) + 1
        self._output = model.output_shape

    def start(self, batch: int = 1) -> SparseState:
        """Return the state of streams that have seen nothing."""
        return fresh(self, batch)

    def step(self, x: Array, state: State) -> tuple[Array, State]:
        """Run one step: (C, H, W) or (batch, C, H, W) of spikes or counts -> output of the same kind, state."""
        if type(state) is not SparseState or len(state) != 2:
            state = self._adopted(state)
        floats, ints = state[FLOATS], state[INTS]
        if x.shape == self._input and len(floats) == 1:
            if x.dtype != self.dtype or not x.flags.c_contiguous:
                x = np.ascontiguousarray(x, self.dtype)
            out = np.zeros(self._output, self.dtype)
            program = self.program
            status = kernel.run_steps(
                program.code, program.weights, floats[0], ints[0], self.replay, x.reshape(-1), out.reshape(-1)
            )
            if status:
                raise _not_finite()
            return out, state
        out, state = self.run(x[None], state)
        return out[0], state

    def run(self, inputs: Array, state: State) -> tuple[Array, State]:
        """Run T steps: (T, C, H, W) or (T, batch, C, H, W) -> outputs (T, …), state."""
        if type(state) is not SparseState or len(state) != 2:
            state = self._adopted(state)
        floats, ints = state[FLOATS], state[INTS]
        streams, batched = self._as_streams(np.asarray(inputs), len(floats))
        steps = len(inputs)
        out = np.zeros((len(floats), steps * int(np.prod(self._output))), self.dtype)
        program = self.program
        for k in range(len(floats)):
            own = np.ascontiguousarray(streams[:, k], self.dtype).reshape(-1)
            if kernel.run_steps(program.code, program.weights, floats[k], ints[k], self.replay, own, out[k]):
                raise _not_finite()
        shaped = out.reshape(len(floats), steps, *self._output)
        return (np.moveaxis(shaped, 0, 1) if batched else shaped[0]), state

    def run_elements(
        self, elements: Array, offsets: Array, state: State, *, binary: bool = False
    ) -> tuple[Array, State]:
        """Run steps on events given by the flat index of the input they reach: what `run` gives on their counts.

        Args:
            elements: integers, of all steps.
            offsets: (steps + 1,): step k has elements[offsets[k] : offsets[k + 1]].
            state: of one stream.
            binary: an element's further events in a step are left out.

        Returns:
            outputs (steps, *shape), state.

        Raises:
            ParameterError: an element or an offset lies outside; nothing was done.
        """
        if type(state) is not SparseState or len(state) != 2:
            state = self._adopted(state)
        if len(offsets) < 1 or offsets[0] < 0 or offsets[-1] > len(elements) or (np.diff(offsets) < 0).any():
            raise ParameterError(f"offsets must rise from 0 or above to {len(elements)} at most")
        steps, program = len(offsets) - 1, self.program
        out = np.zeros((steps, *self._output), self.dtype)
        status = kernel.run_elements(
            program.code, program.weights, state[FLOATS][0], state[INTS][0], self.replay, elements, offsets, binary,
            out.reshape(-1),
        )  # fmt: skip
        if status:
            wrong = int(((elements < 0) | (elements >= np.prod(self._input))).argmax())
            raise ParameterError(
                f"element {wrong} is {elements[wrong]}, outside the input of {self._input}: expected 0 to "
                f"{int(np.prod(self._input)) - 1}"
            )
        return out, state

    def feed(
        self,
        events: Events,
        state: State,
        *,
        origin: int = 0,
        until: int | None = None,
        step_us: int | None = None,
        binary: bool = False,
    ) -> tuple[Spikes, State]:
        """Take a stream's next events, close the steps that are over, and return what the network put out in them.

        Step k is [origin + k T, origin + (k + 1) T). A step stays open until an event of a later one comes, or `until`
        says that nothing before its end will: where packets are cut makes no difference.

        Args:
            events: in time order, none before the open step.
            state: of one stream.
            origin: time of step 0, µs.
            until: no event before this will come, µs; None: none before the last of `events`.
            step_us: the step in µs; None takes the model's.
            binary: a pixel's further events in a step are left out.

        Raises:
            EventsError: an event lies outside the network's input, or in a step that is closed; what came before it
                was taken.
        """
        if type(state) is not SparseState or len(state) != 2:
            state = self._adopted(state)
        step = self._step_us(step_us)
        planes, height, width = self._planes()
        end = until if until is not None else origin
        program, following, found = self.program, 0, []
        while following <= len(events):
            steps, units, values = self._outputs()
            following, count, status = kernel.run_events(
                program.code, program.weights, state[FLOATS][0], state[INTS][0], self.replay, words_of(events),
                following, origin, step, end, width, height, planes, binary, steps, units, values,
            )  # fmt: skip
            found.append((steps[:count], units[:count], values[:count]))
            if status == kernel.OUTSIDE:
                raise self._outside(events, following)
            if status == kernel.LATE:
                raise EventsError(
                    f"event {following} at t = {events.t[following]} µs lies before the open step, which began at "
                    f"{origin + int(state[INTS][0][at.STEP]) * step} µs; give events in time order",
                    following,
                )
        return Spikes(*(np.concatenate(column) for column in zip(*found, strict=True))), state

    def synops(self, state: State) -> dict[str, int]:
        """Return the synaptic operations of every connecting layer so far: a spike times the synapses it reached."""
        counts: dict[str, int] = {}
        for name, word in self.program.synops:
            counts[name] = counts.get(name, 0) + int(state[INTS][:, word].sum())
        return counts

    def spikes(self, state: State) -> dict[str, int]:
        """Return how many units of each layer of neurons put something out so far."""
        return self._totals(state, at.FIRED_TOTAL)

    def updates(self, state: State) -> dict[str, int]:
        """Return how many sites (pixels with all channels) of each layer of neurons were updated so far."""
        return self._totals(state, at.UPDATED_TOTAL)

    def fired(self, layer: str, state: State) -> Array:
        """Return what a layer of neurons put out in the last step, (batch, *shape)."""
        own, row, code = self.parts.populations[layer], self.program.rows[layer], self.program.code
        out = np.zeros((len(state[FLOATS]), own.units), self.dtype)
        for k, (floats, ints) in enumerate(zip(state[FLOATS], state[INTS], strict=True)):
            slot = int(ints[at.STEP]) % own.history
            if ints[at.STEP] and ints[code[row + at.FIRED_AT] + slot] == ints[at.STEP]:
                count, begin = ints[code[row + at.FIRED_COUNT] + slot], slot * own.units
                out[k, ints[code[row + at.FIRED] + begin :][:count]] = floats[code[row + at.VALUES] + begin :][:count]
        return out[:, own.places].reshape(-1, *own.shape)

    def _totals(self, state: State, which: int) -> dict[str, int]:
        return {
            name: int(state[INTS][:, self.program.code[self.program.rows[name] + which]].sum())
            for name, own in self.parts.populations.items()
            if own.neuron is not None
        }

    def _adopted(self, state: State) -> SparseState:
        """Return a state of our own from one under the model's names, or with some of them set beside ours."""
        if FLOATS in state and INTS in state:
            own = SparseState(self, state[FLOATS], state[INTS])
            expected = {FLOATS: (self.program.floats, self.dtype), INTS: (self.program.ints, np.dtype(np.int64))}
            for name, (words, dtype) in expected.items():
                value = state[name]
                if value.ndim != 2 or value.shape[1] != words or value.dtype != dtype or not value.flags.c_contiguous:
                    raise ParameterError(
                        f"{name} is {value.dtype} of shape {value.shape}, expected {dtype} of (batch, {words}): the "
                        "state is another network's"
                    )
        else:
            own = fresh(self, len(next(iter(state.values()))) if state else 1)
        return taken_over(self, own, {name: value for name, value in state.items() if name not in (FLOATS, INTS)})

    def _as_streams(self, inputs: Array, batch: int) -> tuple[Array, bool]:
        """Return inputs as (T, batch, …), and whether they were."""
        batched = inputs.ndim == self._batched + 1
        shape = (batch, *self._input) if batched else self._input
        if inputs.shape[1:] != shape or (not batched and batch != 1):
            raise ParameterError(
                f"the input of a step has shape {inputs.shape[1:]}, expected {self._input}"
                f"{'' if batch == 1 else f' with a leading axis of {batch}, as the state has'}"
            )
        return (inputs if batched else inputs[:, None]), batched

    def _planes(self) -> tuple[int, int, int]:
        if len(self._input) != 3 or self._input[0] not in (1, 2):
            raise ParameterError(
                f"events go into networks with an input of (1 or 2, H, W); this one's is {self._input}"
            )
        return self._input[0], self._input[1], self._input[2]

    def _outputs(self) -> tuple[Array, Array, Array]:
        room = _ROOM + self.parts.populations[self.model.output].units
        return np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, self.dtype)

    def _step_us(self, step_us: int | None) -> int:
        step = step_us if step_us is not None else self.model.step_us
        if step is None or step < 1 or step != int(step):
            raise ParameterError(f"step_us is {step}; events are cut into steps of whole µs, at least 1")
        return int(step)

    def _outside(self, events: Events, first: int) -> EventsError:
        _, height, width = self._planes()
        return EventsError(
            f"event {first} at x = {events.x[first]}, y = {events.y[first]} lies outside the network's input of "
            f"{width}x{height}; crop or scale the events before it",
            first,
        )


def _not_finite() -> ParameterError:
    return ParameterError("the input of a step holds NaN or infinity; the steps before it were done")
