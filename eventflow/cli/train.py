"""Train a small spiking network that tells digits apart, on simulated ones or on a labelled dataset of 34x34 px."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventflow.cli.options import add_json, positive
from eventflow.errors import ParameterError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from eventflow.events import Events


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument("output", metavar="OUT", help="the file to write, such as digits.safetensors")
    parser.add_argument(
        "--data", default="synth:digits", metavar="SET", help="synth:digits, or a packed dataset (.npz) or its folder"
    )
    parser.add_argument("--samples", type=positive, metavar="N", help="how many; all, or 1000 simulated ones")
    parser.add_argument(
        "--validation", type=float, default=0.2, metavar="SHARE", help="held out for the exit rule (0.2)"
    )
    parser.add_argument("--epochs", type=positive, default=12, metavar="N", help="passes over the samples (12)")
    parser.add_argument("--seed", type=int, default=0, help="of everything left to chance (0)")
    add_json(parser)


def main(options: argparse.Namespace) -> int:
    """Train, calibrate an exit rule, write both."""
    from eventflow.snn.digits import digit_network, sample_frames, write_trained
    from eventflow.snn.training import Recipe

    if not 0 < options.validation < 1:
        raise ParameterError(f"--validation {options.validation}: expected a share above 0 and below 1")
    frames, labels = sample_frames(_samples(options.data, options.samples))
    held = round(len(frames) * options.validation)
    if not 0 < held < len(frames):
        raise ParameterError(f"{len(frames)} samples cannot be parted into training and validation; give more")
    found = write_trained(
        digit_network(),
        frames,
        labels,
        Path(options.output),
        validation=held,
        recipe=Recipe(epochs=options.epochs, seed=options.seed),
        report=_quiet if options.json else _say,
    )
    if options.json:
        print(json.dumps(found))
    return 0


def _samples(data: str, count: int | None) -> Iterator[tuple[Events, int]]:
    from eventflow.synth.digits import written_digit

    if data == "synth:digits":
        return (written_digit(number) for number in range(count or 1000))
    from eventflow import datasets

    listing = datasets.packed(data) if data.endswith(".npz") else datasets.load(data)
    items = [item for item in listing if item.label is not None][:count]
    return ((item.events().sorted(), int(item.label or 0)) for item in items)


def _say(text: str) -> None:
    print(text, flush=True)


def _quiet(_: Any) -> None:
    """Say nothing: one JSON object is printed at the end."""
