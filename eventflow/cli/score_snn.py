"""Score spiking networks: neurons and layers beside other libraries', or a network on labelled digits.

Without a network: a table of every neuron and layer, what it is compared with, whether the outputs are equal, and
whether a stream cut into steps gives what a batch gives. With one: how many recordings it gets right for each reset,
and with --spikingjelly whether each layer's spikes are that library's.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from eventflow.score.snn_agreement import Comparison
    from eventflow.score.snn_digits import Agreement
    from eventflow.snn.engine import Engine
    from eventflow.snn.model import Model

RESETS = ("multispike", "subtract", "zero")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the task takes."""
    parser.add_argument("network", nargs="?", help="a NIR graph of IF neurons with inputs of (2, H, W)")
    parser.add_argument("--digits", metavar="NPZ", help="labelled recordings: x, y, p, t (µs), offsets, label")
    parser.add_argument("--count", type=int, metavar="N", help="only the first N recordings")
    parser.add_argument("--step-us", type=float, default=1000.0, metavar="US", help="the step (default 1000)")
    parser.add_argument("--steps", type=int, default=340, metavar="N", help="steps of a recording (default 340)")
    parser.add_argument("--counts", action="store_true", help="events of a pixel in a step count each, not as one")
    parser.add_argument("--engine", default="sparse", choices=("sparse", "torch"), help="what runs it (default sparse)")
    parser.add_argument("--spikingjelly", action="store_true", help="compare every layer's every spike (zero reset)")
    parser.add_argument(
        "--dtype", default="float32", choices=("float32", "float64"), help="what is computed in (default float32)"
    )
    parser.add_argument("--nir", nargs="*", default=[], metavar="FILE", help="NIR graphs to add to the table")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")


def main(options: argparse.Namespace) -> int:
    """Score; 1 if something is not what its reference is."""
    if options.network is None:
        return _table(options)
    if options.digits is None:
        from eventflow.errors import ParameterError

        raise ParameterError("a network is scored on labelled recordings: say --digits NPZ")
    return _against_spikingjelly(options) if options.spikingjelly else _accuracy(options)


def _table(options: argparse.Namespace) -> int:
    from functools import partial

    from eventflow.score.snn_agreement import HEADER, compared
    from eventflow.score.snn_oracles import braille, comparisons

    rows = []
    if not options.json:
        print(HEADER)
    makers: list[Callable[[], Comparison]] = [*comparisons(), *(partial(braille, Path(path)) for path in options.nir)]
    for make in makers:
        rows.append(compared(make()))
        if not options.json:
            print(rows[-1].text(), flush=True)
    if options.json:
        print(json.dumps([asdict(row) | {"agrees": row.agrees} for row in rows]))
    return 0 if all(row.agrees for row in rows) else 1


def _accuracy(options: argparse.Namespace) -> int:
    from eventflow.score.snn_digits import Digits, correct, output_counts
    from eventflow.snn.network_file import read_network

    digits = Digits(options.digits, options.count, steps=options.steps, counts=options.counts)
    found = {}
    for reset in RESETS:
        model = read_network(options.network, step_us=options.step_us, reset=reset, rule="exact", drive="impulse")
        found[reset] = correct(output_counts(_engine(options, model), digits, options.dtype), digits)
        if not options.json:
            print(f"{reset:12}{found[reset]} of {len(digits.labels)} right", flush=True)
    if options.json:
        print(json.dumps({"recordings": len(digits.labels), "right": found}))
    return 0


def _engine(options: argparse.Namespace, model: Model) -> Engine:
    if options.engine == "torch":
        from eventflow.snn.torch_network import TorchEngine

        return TorchEngine(model, options.dtype)
    import numpy as np

    from eventflow.snn.engines.sparse import SparseEngine

    return SparseEngine(model, dtype=np.float32 if options.dtype == "float32" else np.float64)


def _progress(done: int, agreement: Agreement) -> None:
    if sys.stderr.isatty():
        differing = sum(other for _, other in agreement.layers.values())
        print(f"\r{done} recordings, {differing} neuron-steps differ", end="", file=sys.stderr, flush=True)


def _against_spikingjelly(options: argparse.Namespace) -> int:
    from eventflow.score.snn_digits import Digits, against_spikingjelly, correct
    from eventflow.snn.network_file import read_network

    digits = Digits(options.digits, options.count, steps=options.steps, counts=options.counts)
    model = read_network(options.network, step_us=options.step_us, reset="zero", rule="exact", drive="impulse")
    bits = 20 if options.dtype == "float64" else None
    found = against_spikingjelly(options.network, model, digits, options.dtype, bits, _progress)
    steps, differing = (sum(column) for column in zip(*found.layers.values(), strict=True))
    counts_differ = int((found.ours != found.theirs).any(1).sum())
    labels_differ = int((found.ours.argmax(1) != found.theirs.argmax(1)).sum())
    if options.json:
        summary = {"layers": found.layers, "counts_differ": counts_differ, "labels_differ": labels_differ}
        print(json.dumps(summary | {"right": correct(found.ours, digits), "recordings": len(digits.labels)}))
    else:
        rounding = f", weights rounded to 2^-{bits}" if bits else ""
        print(f"{options.dtype}{rounding}, {len(digits.labels)} recordings, zero reset")
        for name, (compared, other) in found.layers.items():
            print(f"layer {name:6}{compared:>14} neuron-steps{other:>10} differ")
        print(f"labels of {labels_differ} and output counts of {counts_differ} recordings differ")
    allowed = 0 if bits else steps // 1_000_000
    return 0 if differing <= allowed and not counts_differ and not labels_differ else 1
