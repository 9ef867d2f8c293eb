"""Events cut into a network's steps: which input element each event reaches, and in which step.

Step k holds the events with k·step <= t < (k + 1)·step, counted from event time 0, so that recordings, shards and
seeking agree. Steps between events are steps, too: a network leaks and its biases act in them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from eventflow.errors import EventsError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventflow.events import Events
    from eventflow.snn.neuron import Array, Shape

Fit = Literal["refuse", "crop", "scale"]
_DENSE_BYTES: Final = 1 << 23
_STATE: Final = ("_next", "_last", "_t", "_fresh", "_steps", "_elements", "outside", "jumped")


@dataclass(frozen=True)
class Retina:
    """Where events of a sensor arrive in a network's input (C, H, W): channel p of two, or both polarities in one.

    Attributes:
        shape: the network's input.
        width: of the sensor, px.
        height: of the sensor, px.
        fit: what is done where the sensor has another size: `refuse` it; `crop` takes its middle, a smaller sensor
            lies in the middle of the input; `scale` maps x to floor(x W / width).
    """

    shape: Shape
    width: int
    height: int
    fit: Fit = "refuse"

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or self.shape[0] not in (1, 2):
            raise ParameterError(
                f"the network takes {self.shape}; events need an input of (1, height, width) or (2, height, width)"
            )
        if self.fit == "refuse" and (self.height, self.width) != self.shape[1:]:
            raise ParameterError(
                f"the network takes {self.shape[2]}x{self.shape[1]} px, the sensor has {self.width}x{self.height}; "
                "say fit: crop or fit: scale, or put a node crop or scale before it"
            )

    def elements(self, events: Events) -> Array:
        """Return the flat index of the element that each event reaches, int64; -1 outside."""
        channels, rows, columns = self.shape
        x, y = events.records["x"].astype(np.int64), events.records["y"].astype(np.int64)
        if self.fit == "scale":
            x, y = x * columns // self.width, y * rows // self.height
        elif self.fit == "crop":
            x, y = x - (self.width - columns) // 2, y - (self.height - rows) // 2
        channel = events.records["p"].astype(np.int64) if channels == 2 else 0
        inside = (x >= 0) & (x < columns) & (y >= 0) & (y < rows)
        return np.where(inside, (channel * rows + y) * columns + x, -1)


@dataclass(frozen=True, eq=False)
class Run:
    """Steps without a pause between them.

    Attributes:
        first: number of the first step.
        fresh: whether the network has to forget everything before it.
        rests: whether no step will follow until an event comes; such a run may have no step.
        elements: int64, of all events of the run, in the order of the stream.
        offsets: int64, (steps + 1,): where each step's events begin.
        shape: of the network's input.
    """

    first: int
    fresh: bool
    rests: bool
    elements: Array
    offsets: Array
    shape: Shape

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def begun(self, *, afresh: bool) -> Run:
        """Return the same steps, before which the network forgets, or does not."""
        return replace(self, fresh=afresh)

    def frames(self, *, binary: bool = False, most: int | None = None) -> Iterator[Array]:
        """Yield the steps as frames (T, *shape), float32, so many at a time as fit a small memory, at most `most`.

        Args:
            binary: any number of events is a 1.
            most: steps in one array.
        """
        size = int(np.prod(self.shape))
        room = max(min(_DENSE_BYTES // (4 * size), most or len(self)), 1)
        for begin in range(0, len(self), room):
            offsets = self.offsets[begin : begin + room + 1]
            steps = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
            places = steps * size + self.elements[offsets[0] : offsets[-1]]
            counts = np.bincount(places, minlength=(len(offsets) - 1) * size).astype(np.float32)
            yield (np.minimum(counts, 1) if binary else counts).reshape(-1, *self.shape)


class StepCutter:
    """Cuts a stream of events into runs of steps; it can be put away and taken up again.

    Args:
        retina: where events arrive.
        step_us: length of a step, µs.
        forget_after_us: after so long without an event the network forgets, and rests until the next event; None: it
            never does, and steps go on.
        max_gap_us: where it never forgets: so long without an event, and the rest of the gap is jumped.
    """

    def __init__(
        self, retina: Retina, *, step_us: int, forget_after_us: int | None = None, max_gap_us: int = 1_000_000
    ) -> None:
        if step_us < 1:
            raise ParameterError(f"step is {step_us} µs, expected at least 1")
        self.retina, self.step_us = retina, step_us
        self._forgets = forget_after_us is not None
        self._most_empty = max(-(-(max_gap_us if forget_after_us is None else forget_after_us) // step_us), 1)
        self.outside = self.jumped = 0
        self._next: int | None = None  # the first step that has not been given
        self._last = 0  # the step of the latest event
        self._t = -(1 << 62)
        self._fresh = True
        self._steps = self._elements = np.zeros(0, np.int64)  # of the events whose steps have not been given

    def push(self, events: Events) -> list[Run]:
        """Return the runs that a packet completes: all steps before that of its last event."""
        if not len(events):
            return []
        t = events.records["t"]
        if not events.ordered or int(t[0]) < self._t:
            raise EventsError("a network takes events in time order; sort them, or have `read` clamp them")
        self._t = int(t[-1])
        elements = self.retina.elements(events)
        inside = elements >= 0
        self.outside += int(np.count_nonzero(~inside))
        steps, elements = t[inside] // self.step_us, elements[inside]
        parts = np.flatnonzero(np.diff(steps) > self._most_empty) + 1
        runs: list[Run] = []
        for part in zip(np.split(steps, parts), np.split(elements, parts), strict=True):
            runs += self._add(*part)
        return runs

    def advance(self, t: int) -> list[Run]:
        """Return the steps that end at `t` (µs) or before, though no event came."""
        return self._reach(t // self.step_us)

    def finish(self) -> list[Run]:
        """Return what is left: the step of the last event, if it has not been given."""
        runs = [] if self._next is None else [self._until(self._last + 1, rests=True)]
        self._next, self._fresh = None, True
        return runs

    def state(self) -> dict[str, Any]:
        """Return what waits."""
        return {name: value for name, value in vars(self).items() if name in _STATE}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state` returned."""
        vars(self).update(state)

    def _add(self, steps: Array, elements: Array) -> list[Run]:
        """Take events without a long gap among them; return the runs before the step of the last one."""
        if not len(steps):
            return []
        runs = self._reach(int(steps[0]))
        self._next = int(steps[0]) if self._next is None else self._next
        self._steps, self._elements = np.append(self._steps, steps), np.append(self._elements, elements)
        self._last = int(steps[-1])
        return runs + self._reach(self._last)

    def _reach(self, step: int) -> list[Run]:
        """Return the steps before `step`, and rest if there are too many of them without an event."""
        if self._next is None:
            return []
        rests_at = self._last + 1 + self._most_empty
        if step < rests_at:
            return [self._until(step)] if step > self._next else []
        run = self._until(rests_at, rests=True)
        self.jumped += 0 if self._forgets else step - rests_at
        self._next, self._fresh = None, self._forgets
        return [run]

    def _until(self, end: int, *, rests: bool = False) -> Run:
        begin = self._next or 0
        numbers = np.arange(begin, max(begin, end) + 1)
        offsets = np.searchsorted(self._steps, numbers)
        run = Run(begin, self._fresh, rests, self._elements[: offsets[-1]], offsets, self.retina.shape)
        self._steps, self._elements = self._steps[offsets[-1] :], self._elements[offsets[-1] :]
        self._next, self._fresh = int(numbers[-1]), False
        return run


def run_of_window(events: Events, t0: int, t1: int, *, retina: Retina, step_us: int) -> Run:
    """Return the steps of one window as a run of its own: step k begins at t0 + k·step, the last may be cut short.

    Args:
        events: with t0 <= t < t1; of a window by count, whose last event is at t1, that one is in the last step.
        t0: µs.
        t1: µs.
        retina: where events arrive.
        step_us: length of a step, µs.
    """
    count = max(-(-(t1 - t0) // step_us), 1)
    elements = retina.elements(events)
    steps = np.clip((events.records["t"][elements >= 0] - t0) // step_us, 0, count - 1)
    order = np.argsort(steps, kind="stable")
    offsets = np.searchsorted(steps[order], np.arange(count + 1))
    return Run(0, True, True, elements[elements >= 0][order], offsets, retina.shape)
