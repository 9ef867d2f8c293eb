"""Score slicers: how even slices are over a sweep of speeds, by the spread of how far edges move in one."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the task takes."""
    parser.add_argument("--seed", type=int, default=1, help="of the simulated edges")
    parser.add_argument("--noise", type=float, default=0.1, metavar="HZ", help="noise events a second and pixel")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")


def main(options: argparse.Namespace) -> int:
    """Score every stock slicer."""
    from eventflow.score.slices import slice_spread, speed_sweep, stock_slicers

    sweep = speed_sweep(seed=options.seed, noise_hz=options.noise)
    makers = stock_slicers(sweep.events.width, sweep.events.height)
    found = {name: asdict(slice_spread(make(), sweep)) for name, make in makers.items()}
    if options.json:
        print(json.dumps(found))
        return 0
    speeds = ", ".join(f"{speed:g}" for speed in sweep.speeds_px_s)
    print(f"{len(sweep.events)} events of edges at {speeds} px/s; cv: deviation over mean, 0 is even\n")
    print(f"{'slicer':28}{'slices':>8}{'median px':>11}{'cv of px':>10}{'cv of events':>14}{'longest ms':>12}")
    for name, row in found.items():
        print(
            f"{name:28}{row['slices']:8}{row['displacement_px']:11.2f}{row['displacement_cv']:10.2f}"
            f"{row['count_cv']:14.2f}{row['longest_us'] / 1000:12.1f}"
        )
    return 0
