"""A spiking network in the stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np

from eventflow.errors import ParameterError
from eventflow.events import Events
from eventflow.graph.parameters import Range
from eventflow.messages import Grid, Slice, StreamInfo
from eventflow.snn.stepping import Run
from eventflow.units import Duration
from eventflow_nodes.snn.networked import Networked

_NAMED = 64


class SpikingNetwork(Networked):
    """Run a spiking network on raw events, slices or grids and return what it puts out, summed over windows.

    A grid out has shape (C, H, W), or (N, 1, 1) where the network puts out N values. Raw events are summed over each
    multiple of `every`, empty windows included while the network does not rest; a slice gives one grid; a grid in is
    one step and gives one grid. `steps`, `lives` (how often it began afresh), `synops` and `spikes` are reported.

    Args:
        every: window of the sums; null: each step.
    """

    every: Annotated[Duration, Range(1)] | None = None

    def start(self, stream: StreamInfo) -> StreamInfo:
        """Load the network."""
        self._open(stream)
        every = self.step if self.every is None else self.every
        if every % self.step:
            raise ParameterError(f"every is {every} µs, expected a multiple of step ({self.step} µs)")
        self._window = every // self.step
        shape = self._network.model.output_shape
        self._shape = shape if len(shape) == 3 else (int(np.prod(shape)), 1, 1)
        self._channels = tuple(str(k) for k in range(self._shape[0])) if self._shape[0] <= _NAMED else ()
        self._sum: np.ndarray[Any, Any] | None = None
        self._number = 0
        attributes = {**stream.attributes, "channels": self._channels}
        return stream.having(width=self._shape[2], height=self._shape[1], attributes=attributes)

    def stream(self, stream: Events | Slice | Grid) -> list[Grid]:
        """Return the sums that a message completes."""
        if isinstance(stream, Events):
            return self._played(self._runs(stream)) if len(stream) else []
        total = self._of_grid(stream) if isinstance(stream, Grid) else self._of_slice(stream)
        self._report()
        return [Grid(total, stream.t0, stream.t1, self._channels)]

    def on_watermark(self, t: int) -> list[Grid]:
        """Return the sums that are complete at `t`, though no event came."""
        return [] if self._cutter is None else self._played(self._cutter.advance(t))

    def finish(self, t_end: int) -> list[Grid]:
        """Return the last sums."""
        found = [] if self._cutter is None else self._played(self._cutter.finish())
        self._report()
        return found

    def _played(self, runs: list[Run]) -> list[Grid]:
        found = [grid for run in runs for grid in self._play(run)]
        if runs:
            self._count_events()
            self._report()
        return found

    def _play(self, run: Run) -> Iterator[Grid]:
        for first, outputs in self._streamed.outputs(run):
            numbers = np.arange(first, first + len(outputs)) // self._window
            for begin, end in zip(*_stretches(numbers), strict=True):
                yield from self._closed(before=int(numbers[begin]))
                part = outputs[begin:end].sum(axis=0, dtype=np.float64).reshape(self._shape)
                self._sum = part if self._sum is None else self._sum + part
                self._number = int(numbers[begin])
            if (first + len(outputs)) % self._window == 0:
                yield from self._closed()
        if run.rests:
            yield from self._closed()

    def _closed(self, before: int | None = None) -> Iterator[Grid]:
        """Yield the open window's grid, if there is one (of a number below `before`)."""
        if self._sum is not None and (before is None or self._number < before):
            length = self._window * self.step
            t0 = self._number * length
            yield Grid(self._sum.astype(np.float32), t0, t0 + length, self._channels)
            self._sum = None

    def _of_slice(self, slice: Slice) -> np.ndarray[Any, Any]:
        total = np.zeros(self._shape)
        for _, outputs in self._streamed.outputs(self._run_of_slice(slice)):
            total += outputs.sum(axis=0, dtype=np.float64).reshape(self._shape)
        return total.astype(np.float32)

    def _of_grid(self, grid: Grid) -> np.ndarray[Any, Any]:
        wanted = self._network.model.input_shape
        if grid.data.shape != wanted:
            raise ParameterError(f"{self.model}: takes {wanted}, the grid is {grid.data.shape}")
        if not np.isfinite(grid.data).all():
            raise ParameterError(f"a grid at {grid.t1} µs holds NaN or infinity; the network cannot take it")
        gone = self.forgets == "gap" and self._last_t1 is not None and grid.t0 - self._last_t1 >= self.gap
        if self.forgets == "slice" or gone:
            self._streamed.forget()
        self._last_t1 = grid.t1
        out = self._streamed.compute(grid.data[None].astype(np.float32))[0]
        return np.asarray(out.reshape(self._shape), np.float32)

    def _report(self) -> None:
        self.results.update(self._streamed.counts())


def _stretches(numbers: np.ndarray[Any, Any]) -> tuple[Any, Any]:
    """Return where stretches of equal numbers begin and end."""
    parts = np.flatnonzero(np.diff(numbers)) + 1
    return np.concatenate([[0], parts]), np.concatenate([parts, [len(numbers)]])
