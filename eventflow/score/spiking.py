"""What a spiking network is worth on labelled recordings: accuracy, early exit, few bits, costs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.errors import missing_extra
from eventflow.snn.energy import energy_uj
from eventflow.snn.engines.choosing import EngineName, engine_of
from eventflow.snn.exit_calibration import calibrated_confidence, calibrated_cutoff, confidence_front
from eventflow.snn.exit_rules import exits
from eventflow.snn.metrics import Meter, Operations, connection_sparsity, footprint
from eventflow.snn.quantisation import quantised
from eventflow.snn.stepping import Retina, run_of_window

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from eventflow.events import Events
    from eventflow.snn.exit_rules import ExitRule
    from eventflow.snn.model import Model

TEMPERATURE = 1.0


def recorded_outputs(
    model: Model, samples: Iterable[Events], *, steps: int, engine: EngineName = "auto"
) -> NDArray[np.float32]:
    """Return what a network puts out for recordings, each from its time 0 on: (samples, steps, classes)."""
    made, step_us = engine_of(model, engine), int(model.step_us or 1000)
    found = []
    for events in samples:
        retina = Retina(model.input_shape, events.width, events.height, "crop")
        part = events.between(0, steps * step_us)
        run = run_of_window(part, 0, steps * step_us, retina=retina, step_us=step_us)
        state, outputs = made.start(), []
        for frames in run.frames():
            out, state = made.run(frames, state)
            outputs.append(out)
        found.append(np.concatenate(outputs))
    return np.stack(found)


def exit_table(outputs: NDArray[Any], labels: NDArray[Any], tolerances: Sequence[float]) -> list[dict[str, Any]]:
    """Return steps and accuracy on every second recording, with thresholds from the others: a row a rule."""
    held = np.arange(len(outputs)) % 2 == 1
    whole = exits(None, outputs[held])
    rows = [_row("whole run", None, whole, labels[held])]
    for tolerance in tolerances:
        rules: dict[str, ExitRule] = {
            "cutoff": calibrated_cutoff(outputs[~held], labels[~held], tolerance=tolerance),
            "cutoff, published": calibrated_cutoff(outputs[~held], labels[~held], tolerance=tolerance, counted="all"),
            "confidence": calibrated_confidence(
                outputs[~held], labels[~held], tolerance=tolerance, temperature=TEMPERATURE
            ),
        }
        rows += [_row(name, tolerance, exits(rule, outputs[held]), labels[held]) for name, rule in rules.items()]
    return rows


def _row(rule: str, tolerance: float | None, found: Any, labels: NDArray[Any]) -> dict[str, Any]:
    accuracy, steps = found.accuracy(labels), float(found.steps.mean())
    return {"rule": rule, "tolerance": tolerance, "steps": steps, "accuracy": accuracy}


def bits_table(
    model: Model, samples: Sequence[Events], labels: NDArray[Any], bits: Sequence[int], *, steps: int
) -> list[dict[str, Any]]:
    """Return the accuracy with weights in so many bits."""
    rows = []
    for each in bits:
        outputs = recorded_outputs(quantised(model, bits=each), samples, steps=steps)
        right = outputs.sum(axis=1).argmax(axis=-1) == labels
        rows.append(
            {"bits": each, "accuracy": float(right.mean()), "bytes": footprint(model, weight_bits=each).parameters}
        )
    return rows


def costs(model: Model, samples: Sequence[Events], *, steps: int) -> dict[str, Any]:
    """Return footprint, sparsities, operations and energy a recording, by the dense engine."""
    from eventflow.snn.torch_network import TorchEngine

    engine, meter, step_us = TorchEngine(model), Meter(model), int(model.step_us or 1000)
    for events in samples:
        retina = Retina(model.input_shape, events.width, events.height, "crop")
        run = run_of_window(events.between(0, steps * step_us), 0, steps * step_us, retina=retina, step_us=step_us)
        state = engine.start()
        for frame in (each for frames in run.frames() for each in frames):
            outputs, state = engine.layers(frame, state)
            meter.add(outputs)
    done = meter.operations(per=len(samples))
    return {
        "footprint": asdict(footprint(model)),
        "connection_sparsity": connection_sparsity(model),
        "activation_sparsity": meter.activation_sparsity(),
        "operations": asdict(done),
        "energy_uj": energy_uj(done),
        "energy_dense_uj": energy_uj(Operations(macs=done.dense)),
    }


def plot_exits(outputs: NDArray[Any], labels: NDArray[Any], table: list[dict[str, Any]], path: Path) -> None:
    """Draw accuracy over the mean number of steps: a fixed number, dynamic confidence, the cutoff; needs matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise missing_extra("matplotlib", "plot", "--plot") from None
    held = np.arange(len(outputs)) % 2 == 1
    totals = outputs[held].cumsum(axis=1, dtype=np.float64)
    fixed = (totals.argmax(axis=-1) == labels[held][:, None]).mean(axis=0)
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(np.arange(1, len(fixed) + 1), 100 * fixed, label="the same number of steps for all", color="0.5")
    front = np.array(confidence_front(outputs[held], labels[held], temperature=TEMPERATURE))
    axes.plot(front[:, 1], 100 * front[:, 2], label="dynamic confidence, every threshold", color="tab:blue")
    for name, marker, colour in (("cutoff", "s", "tab:orange"), ("confidence", "o", "tab:blue")):
        rows = [row for row in table if row["rule"] == name]
        axes.plot(
            [row["steps"] for row in rows], [100 * row["accuracy"] for row in rows], marker, color=colour,
            label=f"{name}, calibrated on the other half",
        )  # fmt: skip
    axes.axhline(100 * fixed[-1], linestyle=":", color="0.3", linewidth=1)
    axes.set(xlabel="mean steps until the answer", ylabel="right answers, %", ylim=(80, 100.5), xlim=(0, len(fixed)))
    axes.legend(loc="lower right")
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
