"""Spiking networks, batch 1, one thread: a step called from Python, many steps in one call, a camera's stream."""

from __future__ import annotations

import gc
import statistics
import time
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.bench import inputs
from eventflow.bench.model import OURS, AtLeast, Limit, Reading, Row, judged, measured
from eventflow.bench.race import one_core
from eventflow.bench.snn_peers import Stepper, steppers
from eventflow.bench.snn_stream import stream_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from eventflow.bench.suite import Bench
    from eventflow.snn.engine import State
    from eventflow.snn.engines.sparse import SparseEngine
    from eventflow.snn.model import Model
    from eventflow.snn.neuron import Array

STEPS_US: Final = (1000, 100, 10000)
FUSED: Final = "eventflow fused"
ONNX: Final = "ONNX Runtime"
_RECORDINGS: Final = 6
_COST_RECORDINGS: Final = 30
_ROUNDS: Final = 5
_WINDOW_US: Final = 50_000
_DENSITIES: Final = (0.002, 0.01, 0.05, 0.1, 0.2, 0.4, 0.8)


def rows(bench: Bench) -> Iterator[Row]:
    """Yield the rows of the N-MNIST network at three lengths of a step, of its cost, and of a camera's stream."""
    if inputs.samples() is None:
        yield bench.unmeasured("snn", "spiking networks", "needs the sample recordings (EVENTFLOW_SAMPLES)")
        return
    clock = time.process_time if bench.cpu_time else time.perf_counter
    digits = Digits()
    with one_core():
        for step_us in STEPS_US:
            name = f"snn.step.{step_us / 1000:g}ms"
            if bench.wants(name):
                bench.announce(f"steps of {step_us / 1000:g} ms")
                yield from _step_rows(bench, digits, step_us, name, clock)
        if bench.wants("snn.cost"):
            yield from _cost_rows(digits, clock)
        if bench.wants("snn.crossover"):
            yield _crossover_row(digits, clock)
        if bench.wants("snn.stream"):
            yield from stream_rows(clock)


@dataclass
class Recording:
    """A digit: its events as columns of int64."""

    x: Array
    y: Array
    p: Array
    t: Array

    def frames(self, step_us: int) -> Array:
        """Return counts a step, (T, 2, 34, 34) float32."""
        step = self.t // step_us
        counts = np.zeros((int(step[-1]) + 1, 2, 34, 34), np.float32)
        np.add.at(counts, (step, self.p, self.y, self.x), 1)
        return counts

    def elements(self, step_us: int) -> tuple[Array, Array]:
        """Return the flat input element of every event, and where each step begins."""
        step = self.t // step_us
        offsets = np.searchsorted(step, np.arange(int(step[-1]) + 2))
        return (self.p * 34 + self.y) * 34 + self.x, offsets


class Digits:
    """The labelled N-MNIST recordings and the network that knows them, read from its NIR graph."""

    def __init__(self) -> None:
        root = inputs.samples()
        if root is None:
            raise FileNotFoundError("the sample recordings are not here")
        self._root = root

    @cached_property
    def _columns(self) -> dict[str, Array]:
        with np.load(self._root / "neuromorphic_datasets" / "nmnist_1000.npz") as file:
            return {name: file[name] for name in ("x", "y", "p", "t", "offsets")}

    def model(self, step_us: int) -> Model:
        """Return the network; all engines of this benchmark reset to zero, which each of them can."""
        from eventflow.snn.nir_file import read_nir

        continuous = read_nir(self._root / "snn" / "nir_cnn" / "cnn_sinabs.nir")
        return continuous.discretise(step_us=step_us, reset="zero", drive="impulse")

    def recordings(self, count: int) -> Iterator[Recording]:
        """Yield `count` recordings, evenly spread over all."""
        offsets = self._columns["offsets"]
        for number in np.linspace(0, len(offsets) - 2, count).astype(int):
            own = slice(int(offsets[number]), int(offsets[number + 1]))
            x, y, p, t = (self._columns[name][own].astype(np.int64) for name in ("x", "y", "p", "t"))
            yield Recording(x, y, p, t)


class _Sparse:
    """Ours, stepped from Python."""

    def __init__(self, model: Model) -> None:
        from eventflow.snn.engines.sparse import SparseEngine

        self.engine = SparseEngine(model)

    def ready(self, frames: Array) -> Any:
        return list(frames)

    def run(self, frames: Any) -> Array:
        state: State = self.engine.start()
        outputs = []
        for frame in frames:
            out, state = self.engine.step(frame, state)
            outputs.append(out)
        return np.array(outputs)


class _Onnx:
    """ONNX Runtime on the graph we export: the state goes in and comes out of every call."""

    def __init__(self, model: Model) -> None:
        from eventflow.snn.engines.onnx import OnnxEngine

        self._engine = OnnxEngine(model)
        self._session, self._outputs = self._engine.session(1)

    def ready(self, frames: Array) -> Any:
        return [frame[None] for frame in frames]

    def run(self, frames: Any) -> Array:
        state = self._engine.start()
        names, run, outputs = list(state), self._session.run, []
        for frame in frames:
            state["input"] = frame
            out, *following = run(self._outputs, state)
            state = dict(zip(names, following, strict=True))
            outputs.append(out[0])
        return np.array(outputs)


def _step_rows(bench: Bench, digits: Digits, step_us: int, name: str, clock: Callable[[], float]) -> Iterator[Row]:
    model = digits.model(step_us)
    sparse = _Sparse(model)
    others: dict[str, Stepper] = {ONNX: _Onnx(model)}
    libraries, note = steppers(model) if bench.peers else ({}, "")
    others |= libraries
    taken = _Times([OURS, FUSED, *others])
    count, rounds = (1000, 1) if bench.large else (max(1, _RECORDINGS * step_us // 1000 if step_us < 1000 else 6), 3)
    for recording in digits.recordings(count):
        frames = recording.frames(step_us)
        elements = recording.elements(step_us)
        for turn in range(rounds):
            expected = taken.measure(OURS, sparse, sparse.ready(frames), clock, first=turn == 0)
            fused = taken.timed(FUSED, partial(_fused, sparse, elements), clock)
            taken.compare(FUSED, fused, expected)
            for label, stepper in others.items():
                out = taken.measure(label, stepper, stepper.ready(frames), clock, first=turn == 0)
                if turn == 0:
                    taken.compare(label, out, expected)
        taken.close(len(frames), rounds)
    what = f"N-MNIST CNN, a step of {step_us / 1000:g} ms"
    targets = [AtLeast(30), AtLeast(4, ONNX)] if step_us == 1000 else []
    own = [ONNX, FUSED]
    yield taken.row(name, f"{what}, step()", OURS, [*libraries, *own], own, targets, note + taken.note(sparse))
    fused_targets = [AtLeast(8, ONNX)] if step_us == 1000 else []
    yield taken.row(f"{name}.fused", f"{what}, fused", FUSED, [ONNX], own, fused_targets, "")


def _fused(sparse: _Sparse, elements: tuple[Array, Array]) -> Array:
    return sparse.engine.run_elements(*elements, sparse.engine.start())[0]


class _Times:
    """What each contender took, recording by recording, taking turns."""

    def __init__(self, names: list[str]) -> None:
        self.took: dict[str, list[float]] = {name: [] for name in names}
        self.seconds = dict.fromkeys(names, 0.0)
        self.differing = dict.fromkeys(names, 0)
        self.labels = dict.fromkeys(names, 0)
        self.outputs = 0
        self.steps = 0

    def measure(self, name: str, stepper: Any, ready: Any, clock: Callable[[], float], *, first: bool) -> Array:
        if first and not self.took[name]:
            stepper.run(ready[:2])
        return self.timed(name, lambda: stepper.run(ready), clock)

    def timed(self, name: str, run: Callable[[], Array], clock: Callable[[], float]) -> Array:
        gc.disable()
        begun = clock()
        out = run()
        took = clock() - begun
        gc.enable()
        self.seconds[name] = min(self.seconds[name] or took, took)
        return out

    def compare(self, name: str, out: Array, expected: Array) -> None:
        """Count outputs that differ from ours, and recordings whose counts do."""
        self.differing[name] += int((out.reshape(expected.shape) != expected).sum())
        self.labels[name] += bool((out.reshape(expected.shape).sum(0) != expected.sum(0)).any())

    def close(self, steps: int, rounds: int) -> None:
        """Keep the best of a recording's rounds, µs a step."""
        for name, seconds in self.seconds.items():
            self.took[name].append(seconds / steps * 1e6)
        self.seconds = dict.fromkeys(self.seconds, 0.0)
        self.steps += steps

    def note(self, sparse: Any) -> str:
        differing = ", ".join(f"{name} {count}" for name, count in self.differing.items() if count)
        said = f"{len(self.took[OURS])} recordings, {self.steps} steps; best of a recording's turns. "
        return said + (f"Output spikes that differ: {differing}. " if differing else "All output spikes are equal. ")

    def row(
        self, name: str, what: str, ours: str, others: list[str], own: list[str], targets: list[AtLeast], note: str
    ) -> Row:
        """Return a row in µs a step; a ratio is the median over recordings of theirs to ours."""
        mine = self.took[ours]
        readings = {}
        for other in others:
            theirs = self.took[other]
            ratio = statistics.median(b / a for a, b in zip(mine, theirs, strict=True))
            wrong = "output counts differ" if self.labels[other] else ""
            readings[other] = Reading(min(theirs), statistics.median(theirs), ratio, wrong, other not in own)
        rates = {
            key: Reading(1 / value.best, value.median, value.ratio, value.wrong, value.peer)
            for key, value in readings.items()
        }
        verdicts = judged(targets, rates)
        return Row(name, what, "µs/step", Reading(min(mine), statistics.median(mine)), readings, verdicts, note=note)


def _cost_rows(digits: Digits, clock: Callable[[], float]) -> Iterator[Row]:
    """Yield how well time follows synaptic operations, and what a step without events costs."""
    synops: list[float] = []
    seconds: list[float] = []
    steps: list[int] = []
    for step_us in STEPS_US:
        engine = _Sparse(digits.model(step_us)).engine
        for recording in digits.recordings(_COST_RECORDINGS):
            _add_windows(engine, recording, step_us, clock, (synops, seconds, steps))
    a_step, a_synop, fit = fitted(np.array(synops), np.array(seconds), np.array(steps))
    note = f"time = {a_step * 1e6:.2f} µs a step + {a_synop * 1e9:.3f} ns a synop; "
    note += f"{len(seconds)} windows of {_WINDOW_US // 1000} ms in steps of 0.1, 1 and 10 ms, minima of {_ROUNDS}. "
    note += f"{1e-9 / a_synop:.2f} GSOP/s."
    yield measured("snn.cost.fit", "R² of time = a + b synops, fused", "R²", [fit], Limit(0.95, "at least"), note)
    engine = _Sparse(digits.model(1000)).engine
    values = _empty(engine, clock)
    yield measured("snn.cost.empty", "a step without events, fused", "µs/step", values, Limit(3.0))
    yield measured("snn.cost.empty_step", "a step without events, step()", "µs/step", _empty_steps(engine, clock))


def _add_windows(
    engine: SparseEngine,
    recording: Recording,
    step_us: int,
    clock: Callable[[], float],
    found: tuple[list[float], list[float], list[int]],
) -> None:
    """Append synops, best time and steps of every window of a recording."""
    elements, offsets = recording.elements(step_us)
    size = _WINDOW_US // step_us
    windows = [offsets[k : k + size + 1] for k in range(0, len(offsets) - size, size)]
    best = np.full(len(windows), np.inf)
    for _ in range(_ROUNDS):
        state: State = engine.start()
        counted = [0]
        for k, window in enumerate(windows):
            begun = clock()
            _, state = engine.run_elements(elements, window, state)
            best[k] = min(best[k], clock() - begun)
            counted.append(sum(engine.synops(state).values()))
    synops, seconds, steps = found
    synops.extend(np.diff(counted).tolist())
    seconds.extend(best.tolist())
    steps.extend([size] * len(windows))


def fitted(synops: Array, seconds: Array, steps: Array) -> tuple[float, float, float]:
    """Return a (s a step), b (s a synop) and R² of seconds / steps = a + b synops / steps by least squares."""
    per_step, took = synops / steps, seconds / steps
    design = np.stack([np.ones(len(per_step)), per_step], 1)
    (a, b), *_ = np.linalg.lstsq(design, took, rcond=None)
    residual = took - design @ np.array([a, b])
    return float(a), float(b), float(1 - (residual**2).sum() / ((took - took.mean()) ** 2).sum())


def _crossover_row(digits: Digits, clock: Callable[[], float]) -> Row:
    """Return the share of synapses reached in a step at which ONNX Runtime is as fast."""
    model = digits.model(1000)
    sparse, onnx = _Sparse(model), _Onnx(model)
    rng = np.random.default_rng(1)
    shares, ratios = [], []
    for density in _DENSITIES:
        frames = (rng.random((40, 2, 34, 34)) < density).astype(np.float32)
        best = {}
        contenders: dict[str, Stepper] = {OURS: sparse, ONNX: onnx}
        for name, stepper in contenders.items():
            ready = stepper.ready(frames)
            times = []
            for _ in range(_ROUNDS):
                begun = clock()
                stepper.run(ready)
                times.append(clock() - begun)
            best[name] = min(times)
        _, state = sparse.engine.run(frames, sparse.engine.start())
        shares.append(sum(sparse.engine.synops(state).values()) / len(frames) / synapses(model) * 100)
        ratios.append(best[OURS] / best[ONNX])
    crossing = float(np.interp(0.0, np.log(ratios), shares))
    pairs = ", ".join(f"{share:.2g} %: {1 / ratio:.2g}x" for share, ratio in zip(shares, ratios, strict=True))
    what = "synapses reached in a step at which ONNX Runtime is as fast"
    return measured("snn.crossover", what, "%", [crossing], note=f"ONNX Runtime's time over ours, step(), at {pairs}.")


def synapses(model: Model) -> int:
    """Return how many synaptic operations a step has in which every unit fires once: a dense step's products."""
    from eventflow.snn.engines.sparse import SparseEngine

    total = 0
    for name in model.order:
        layer = model.layers[name]
        if hasattr(layer, "weight"):
            alone = SparseEngine(type(model).chain(model.input_shapes[name], {name: layer}))
            _, state = alone.run(np.ones((1, *model.input_shapes[name]), np.float32), alone.start())
            total += sum(alone.synops(state).values())
    return total


def _empty(engine: Any, clock: Callable[[], float]) -> list[float]:
    count = 20_000
    offsets = np.zeros(count + 1, np.int64)
    nothing = np.zeros(0, np.int64)
    state = engine.start()
    values = []
    for _ in range(_ROUNDS):
        begun = clock()
        _, state = engine.run_elements(nothing, offsets, state)
        values.append((clock() - begun) / count * 1e6)
    return values


def _empty_steps(engine: Any, clock: Callable[[], float]) -> list[float]:
    count, state = 5_000, engine.start()
    frame = np.zeros((2, 34, 34), np.float32)
    values = []
    for _ in range(_ROUNDS):
        begun = clock()
        for _ in range(count):
            _, state = engine.step(frame, state)
        values.append((clock() - begun) / count * 1e6)
    return values
