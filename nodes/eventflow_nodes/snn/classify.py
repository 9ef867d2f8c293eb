"""Classes with their confidence, decided as early as a rule allows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from eventflow.events import Events
from eventflow.graph.parameters import Range
from eventflow.messages import Label, Slice, StreamInfo
from eventflow.snn.exit_rules import ConfidenceExit, ExitRule, confidences, read_rule
from eventflow.snn.stepping import Run
from eventflow.units import Duration
from eventflow_nodes.snn.networked import Networked


class Classify(Networked):
    """Classify a stream by a spiking network: one label for each slice, or each stretch of events between two gaps.

    What the network puts out is summed from where it began afresh; the class with the largest sum leads, of equal ones
    the first. Its confidence is softmax(sums / temperature). With `confidence` or `exit` the label is given as soon as
    it is certain enough, and no further step is computed until the network begins afresh. `decisions`, `early`, `steps`
    and `steps_saved` (those between an early decision and the end of the slice or stretch) are reported.

    Args:
        confidence: decide as soon as the confidence is larger; null: do not.
        exit: a file with an exit rule, calibrated for this network and step; null: none.
        temperature: what sums are divided by.
        every: say what leads at each multiple of this, too; null: decisions alone.
        names: of the classes, in order; null: none.
    """

    confidence: Annotated[float, Range(0, 1)] | None = None
    exit: Path | None = None
    temperature: Annotated[float, Range(1e-6)] = 1.0
    every: Annotated[Duration, Range(1)] | None = None
    names: list[str] | None = None

    def start(self, stream: StreamInfo) -> StreamInfo:
        """Load the network and the rule."""
        self._open(stream)
        self._check_vector("a classifier")
        self._rule: Any = self._chosen_rule()
        self._sums = np.zeros(self._network.model.output_shape[0])
        self._taken = 0
        self._decided = True
        self._end = 0  # of the last step, µs
        self.results.update(decisions=0, early=0, steps=0, steps_saved=0)
        return StreamInfo(source=stream.source, live=stream.live)

    def stream(self, stream: Events | Slice) -> list[Label]:
        """Return the labels that a message decides."""
        if isinstance(stream, Slice):
            return self._of_slice(stream)
        return self._played(self._runs(stream)) if len(stream) else []

    def on_watermark(self, t: int) -> list[Label]:
        """Return the labels that are decided at `t`, though no event came."""
        return [] if self._cutter is None else self._played(self._cutter.advance(t))

    def finish(self, t_end: int) -> list[Label]:
        """Decide what is open."""
        runs = [] if self._cutter is None else self._cutter.finish()
        return [self._at(label, max(label.t, t_end)) for label in self._played(runs)]

    def _chosen_rule(self) -> ExitRule | None:
        if self.exit is not None:
            return read_rule(self.exit, step_us=self.step, model=self._network.digest)
        return None if self.confidence is None else ConfidenceExit(self.confidence, self.temperature)

    def _played(self, runs: list[Run]) -> list[Label]:
        found = [label for run in runs for label in self._play(run)]
        self.results.update({k: v for k, v in self._streamed.counts().items() if k != "steps"})
        return found

    def _play(self, run: Run) -> Iterator[Label]:
        """Step the network until it is certain, and count what that saves."""
        if run.fresh:
            self._sums[:] = 0
            self._taken, self._decided = 0, False
            self._streamed.forget()
            run = run.begun(afresh=False)
        if self._decided:
            self.results["steps_saved"] += len(run)
        else:
            yield from self._step(run)
        if run.rests and not self._decided:
            yield self._decide(early=False)

    def _step(self, run: Run) -> Iterator[Label]:
        for number, output in self._streamed.single(run):
            self._sums += output
            self._taken += 1
            self._end = (number + 1) * self.step
            self.results["steps"] += 1
            if self._rule is not None and self._rule.reached(self._sums, np.int64(self._taken)):
                self.results["steps_saved"] += run.first + len(run) - number - 1
                yield self._decide(early=True)
                return
            if self.every is not None and self._end % self.every == 0:
                yield self._label()

    def _decide(self, *, early: bool) -> Label:
        self._decided = True
        self.results["decisions"] += 1
        self.results["early"] += early
        return self._label()

    def _label(self) -> Label:
        label = int(self._sums.argmax())
        names = self.names or []
        name = names[label] if label < len(names) else ""
        certain = float(confidences(self._sums, self.temperature))
        return Label(self._end, label, certain, name, self._sums.astype(np.float32))

    def _of_slice(self, slice: Slice) -> list[Label]:
        """Decide a slice: its labels have its time."""
        run = self._run_of_slice(slice)
        self._sums[:] = 0
        self._taken, self._decided = 0, False
        if run.fresh:
            self._streamed.forget()
        found = self._played([run.begun(afresh=False)])
        return [self._at(found[-1], slice.t1)]

    @staticmethod
    def _at(label: Label, t: int) -> Label:
        return Label(t, label.label, label.confidence, label.name, label.scores)
