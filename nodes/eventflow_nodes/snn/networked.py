"""What nodes that run a spiking network share: its file, its engine, its steps, its memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal

from eventflow.errors import ParameterError
from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.messages import Grid, Label, Slice, StreamInfo
from eventflow.snn.engines.choosing import EngineName, engine_of
from eventflow.snn.loading import network_from
from eventflow.snn.stepping import Fit, Retina, Run, StepCutter, run_of_window
from eventflow.snn.streamed import Streamed
from eventflow.units import Duration, ms, s


class Networked(Node):
    """Run a spiking network on a stream: the abstract base of nodes that do.

    Args:
        model: the network: a NIR graph (.nir), a file that eventflow saved, or `digits`, the one that `eventflow train`
            makes, trained when it is first asked for.
        step: length of the network's step; steps lie at its multiples, those of a slice begin where it begins.
        reset: what firing does to the membrane potential; where the file does not say.
        rule: how a leaky neuron's equation is solved over a step; where the file does not say.
        drive: whether an input of 1 is a current held over the step or one impulse; where the file does not say.
        engine: sparse costs what events reach; onnx and torch what the network has, onnx the faster; auto is sparse.
        fit: what is done where the sensor's size is not the network's: refuse, crop its middle, or scale.
        binary: several events of a pixel in one step count as one.
        forgets: when the network begins afresh: never, with each slice, or after a gap without events; then it rests.
        gap: how long nothing has to happen before it forgets.
        max_gap: where it never forgets: so long it is stepped without events, the rest of a gap is jumped.
    """

    heavy: ClassVar[bool] = True
    model: str
    step: Annotated[Duration, Range(1)] = ms(1)
    reset: Literal["zero", "subtract", "multispike", "delayed", "delayed_zero"] | None = None
    rule: Literal["exact", "euler"] | None = None
    drive: Literal["current", "impulse"] | None = None
    engine: EngineName = "auto"
    fit: Fit = "refuse"
    binary: bool = False
    forgets: Literal["never", "slice", "gap"] = "gap"
    gap: Annotated[Duration, Range(1)] = ms(50)
    max_gap: Annotated[Duration, Range(1)] = s(1)

    def stream(self, stream: Events | Slice) -> Iterable[Grid | Label]:
        """Take a message."""
        raise TypeError(f"{type(self).__name__} takes no stream")

    def _open(self, info: StreamInfo) -> None:
        """Load the network and begin with nothing seen."""
        self._network: Any = network_from(
            self.model, step_us=self.step, reset=self.reset, rule=self.rule, drive=self.drive
        )
        model = self._network.model
        self._streamed = Streamed(engine_of(model, self.engine), binary=self.binary)
        self._sensor: tuple[int, int] | None = None
        self._cutter: StepCutter | None = None
        self._last_t1: int | None = None

    def _cut_by(self, width: int, height: int) -> StepCutter:
        """Return what cuts raw events, made for the sensor of the first packet; another sensor later is an error."""
        if self._cutter is None:
            retina = Retina(self._network.model.input_shape, width, height, self.fit)
            forget_after = None if self.forgets == "never" else self.gap
            self._sensor = (width, height)
            self._cutter = StepCutter(retina, step_us=self.step, forget_after_us=forget_after, max_gap_us=self.max_gap)
        if self._sensor != (width, height):
            raise ParameterError(f"events of {width}x{height} px after events of {self._sensor} px")
        return self._cutter

    def _runs(self, events: Events) -> list[Run]:
        """Return the runs that a packet completes."""
        runs = self._cut_by(events.width, events.height).push(events)
        self._count_events()
        return runs

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state` returned."""
        if state["_sensor"] is not None:
            self._cut_by(*state["_sensor"])
        super().restore(state)

    def _run_of_slice(self, slice: Slice) -> Run:
        events = slice.events
        retina = Retina(self._network.model.input_shape, events.width, events.height, self.fit)
        run = run_of_window(events, slice.t0, slice.t1, retina=retina, step_us=self.step)
        outside = len(events) - len(run.elements)
        if outside:
            self.skipped["events outside the network's input"] += outside
        kept = self._last_t1 is not None and (
            self.forgets == "never" or (self.forgets == "gap" and slice.t0 - self._last_t1 < self.gap)
        )
        self._last_t1 = slice.t1
        return run.begun(afresh=not kept)

    def _count_events(self) -> None:
        for reason, count in (
            ("events outside the network's input", self._cutter.outside if self._cutter else 0),
            ("steps in gaps longer than max_gap", self._cutter.jumped if self._cutter else 0),
        ):
            if count:
                self.skipped[reason] = count

    def _check_vector(self, what: str) -> None:
        shape = self._network.model.output_shape
        if len(shape) != 1:
            raise ParameterError(f"{self.model}: its output is {shape}; {what} needs one value a class")
