"""A network on a stream: one engine, one state, counted; everything later results depend on can be put away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventflow.snn.engine import Engine
    from eventflow.snn.neuron import Array
    from eventflow.snn.stepping import Run

_DENSE_BYTES: Final = 1 << 23


class Streamed:
    """Runs an engine on runs of steps and remembers what it must.

    Args:
        engine: of a discrete model.
        binary: several events of a pixel in one step count as one.

    Attributes:
        steps: how many steps were computed.
        lives: how often the network began afresh.
    """

    def __init__(self, engine: Engine, *, binary: bool = False) -> None:
        self._engine, self._binary = engine, binary
        self._memory: dict[str, Array] = engine.start()
        self._most = max(_DENSE_BYTES // (4 * int(np.prod(engine.model.output_shape))), 1)
        self._before: dict[str, dict[str, int]] = {"synops": {}, "spikes": {}}
        self.steps = self.lives = 0

    def outputs(self, run: Run) -> Iterator[tuple[int, Array]]:
        """Yield (number of the first step, outputs (T, *output_shape)) of a run, many steps at a time."""
        self._begin(run)
        if hasattr(self._engine, "run_elements"):
            for begin in range(0, len(run), self._most):
                yield run.first + begin, self._on_events(run, begin, begin + self._most)
            return
        first = run.first
        for frames in run.frames(binary=self._binary):
            yield first, self.compute(frames)
            first += len(frames)

    def single(self, run: Run) -> Iterator[tuple[int, Array]]:
        """Yield (number, output (*output_shape)) step by step; a step that is not asked for is not computed."""
        self._begin(run)
        if hasattr(self._engine, "run_elements"):
            for number in range(len(run)):
                yield run.first + number, self._on_events(run, number, number + 1)[0]
            return
        number = run.first
        for frames in run.frames(binary=self._binary):
            for frame in frames:
                yield number, self.compute(frame[None])[0]
                number += 1

    def _on_events(self, run: Run, begin: int, end: int) -> Array:
        """Return the outputs of some of a run's steps from an engine that takes events, without any frame of them."""
        offsets = run.offsets[begin : end + 1]
        engine: Any = self._engine
        outputs, self._memory = engine.run_elements(run.elements, offsets, self._memory, binary=self._binary)
        self.steps += len(outputs)
        return np.asarray(outputs)

    def compute(self, frames: Array) -> Array:
        """Return the outputs of steps (T, *input_shape)."""
        outputs, self._memory = self._engine.run(frames, self._memory)
        self.steps += len(frames)
        return outputs

    def forget(self) -> None:
        """Begin afresh; what was counted so far stays counted."""
        self._before = {kind: self._counted(kind) for kind in self._before}
        self._memory = self._engine.start()
        self.lives += 1

    def put(self, values: dict[str, Array]) -> None:
        """Set state arrays by their names in the model, each (1, *shape)."""
        for name, value in values.items():
            self._memory[name] = np.asarray(value)

    def counts(self) -> dict[str, Any]:
        """Return steps, lives and, where the engine counts them, synops and spikes by layer and in all."""
        found: dict[str, Any] = {"steps": self.steps, "lives": self.lives}
        for kind in self._before:
            if hasattr(self._engine, kind):
                by_layer = self._counted(kind)
                found |= {kind: sum(by_layer.values()), f"{kind}_by_layer": by_layer}
        return found

    def state(self) -> dict[str, Any]:
        """Return a copy of everything that later results depend on, as plain values."""
        memory = {name: value.copy() for name, value in self._memory.items()}
        before = {kind: dict(each) for kind, each in self._before.items()}
        return {"memory": memory, "before": before, "steps": self.steps, "lives": self.lives}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state` returned."""
        self._memory = {name: np.array(value) for name, value in state["memory"].items()}
        self._before = {kind: dict(each) for kind, each in state["before"].items()}
        self.steps, self.lives = state["steps"], state["lives"]

    def _begin(self, run: Run) -> None:
        if run.fresh:
            self.forget()

    def _counted(self, kind: str) -> dict[str, int]:
        """Return what the engine counted in all lives, by layer; {} where it does not count."""
        if not hasattr(self._engine, kind):
            return {}
        now: dict[str, int] = getattr(self._engine, kind)(self._memory)
        before = self._before[kind]
        return {name: count + before.get(name, 0) for name, count in now.items()}
