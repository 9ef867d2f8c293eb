"""Score a spiking network on labelled recordings: accuracy, early exit, weights in few bits, costs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventflow.cli.options import add_json, duration, positive, print_json

if TYPE_CHECKING:
    import argparse

_TOLERANCES = (0.0, 0.005, 0.01, 0.02, 0.05)
_BITS = (8, 6, 4, 3, 2)
_METERED = 10


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the task takes."""
    parser.add_argument("network", help="a NIR graph, a saved network, or digits")
    parser.add_argument("data", help="a packed dataset (.npz) or the folder of one")
    parser.add_argument("--step", type=duration, default=1000, metavar="TIME", help="length of a step (1ms)")
    parser.add_argument("--steps", type=positive, default=310, metavar="N", help="steps of a recording (310)")
    parser.add_argument("--samples", type=positive, metavar="N", help="how many recordings; all")
    for name, what in (
        ("reset", "what firing does"),
        ("rule", "how leaks are solved"),
        ("drive", "what an input of 1 is"),
    ):
        parser.add_argument(f"--{name}", help=f"{what}, where the file does not say")
    parser.add_argument("--bits", action="store_true", help="weights in few bits, on up to 200 recordings")
    parser.add_argument("--costs", action="store_true", help="operations, sparsity and energy, on 10 recordings")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw accuracy over steps")
    add_json(parser)


def main(options: argparse.Namespace) -> int:
    """Score."""
    import numpy as np

    from eventflow import datasets
    from eventflow.score import spiking
    from eventflow.snn.loading import network_from

    model = network_from(
        options.network, step_us=options.step, reset=options.reset, rule=options.rule, drive=options.drive
    ).model
    listing = datasets.packed(options.data) if options.data.endswith(".npz") else datasets.load(options.data)
    items = [item for item in listing if item.label is not None][: options.samples]
    samples, labels = [item.events().sorted() for item in items], np.array([item.label for item in items], np.int64)
    outputs = spiking.recorded_outputs(model, samples, steps=options.steps)
    right = int((outputs.sum(axis=1).argmax(axis=-1) == labels).sum())
    found: dict[str, Any] = {"samples": len(labels), "right": right, "accuracy": right / len(labels)}
    found["exits"] = spiking.exit_table(outputs, labels, _TOLERANCES)
    if options.bits:
        found["bits"] = spiking.bits_table(model, samples[:200], labels[:200], _BITS, steps=options.steps)
    if options.costs:
        found["costs"] = spiking.costs(model, samples[:_METERED], steps=options.steps)
    if options.plot is not None:
        spiking.plot_exits(outputs, labels, found["exits"], options.plot)
    if options.json:
        print_json(found)
    else:
        _show(found)
    return 0


def _show(found: dict[str, Any]) -> None:
    print(f"{found['right']} of {found['samples']} right")
    print(
        f"{'rule':20}{'tolerance':>10}{'steps':>8}{'accuracy':>10}   (every second recording; calibrated on the others)"
    )
    for row in found["exits"]:
        tolerance = "" if row["tolerance"] is None else f"{row['tolerance']:g}"
        print(f"{row['rule']:20}{tolerance:>10}{row['steps']:8.1f}{row['accuracy']:10.1%}")
    for row in found.get("bits", []):
        print(f"weights in {row['bits']} bits: {row['accuracy']:.1%}, {row['bytes']} bytes")
    for name, value in found.get("costs", {}).items():
        print(f"{name}: {value}")
