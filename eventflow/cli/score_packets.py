"""Score filters: whether each keeps the same events in packets of 1, 100 and 10 000 events as of the whole stream.

Without RECORDING: two of the sample recordings, where they are present.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventflow.cli.options import add_json, print_json
from eventflow.cli.score_denoise import jaer_weights

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path

_RECORDINGS = ("aedat/davis346_demo01.aedat4", "es/dvs.es")
_SIZES = (1, 100, 10_000)
_SETTINGS: dict[str, dict[str, Any]] = {
    "anti_flicker": {"low": 20.0, "high": 2000.0, "start_count": 2, "stop_count": 1},
    "frequency_band": {"low": 10.0, "high": 100.0},
    "region": {"x": 40, "y": 30, "width": 200, "height": 150},
    "undistort": {"fx": 250.0, "fy": 250.0, "distortion": [-0.3, 0.1, 0.0, 0.0]},
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the task takes."""
    parser.add_argument("recordings", metavar="RECORDING", nargs="*", help="a file")
    parser.add_argument("--filters", default="", metavar="NAME,…", help="names of nodes; all filters if absent")
    parser.add_argument("--events", type=int, default=None, metavar="N", help="only the first N of each recording")
    add_json(parser)


def main(options: argparse.Namespace) -> int:
    """Compare, and print a table; 1 if a filter depends on packets."""
    from eventflow import io
    from eventflow.graph.recuts import outputs_by_packet_size

    rows = []
    for path in options.recordings or _samples():
        events = io.read(path, backwards="clamp")[: options.events]
        sizes = [*_SIZES, max(len(events), 1)]
        for name, node in _filters(options.filters):
            outputs = outputs_by_packet_size(node, events, sizes)
            same = len({digest for _, digest in outputs}) == 1
            kept = {str(size): count for size, (count, _) in zip([*_SIZES, "whole"], outputs, strict=True)}
            rows.append({"recording": str(path), "events": len(events), "filter": name, "kept": kept, "same": same})
            if not options.json:
                _print(rows[-1], first=len(rows) == 1)
    if options.json:
        print_json(rows)
    return 0 if all(row["same"] for row in rows) else 1


def _print(row: dict[str, Any], *, first: bool) -> None:
    if first:
        print(f"{'recording':26} {'filter':26} {'events':>8}   kept in packets of {', '.join(row['kept'])}")
    name = row["recording"].rsplit("/", 1)[-1]
    kept = "".join(f"{count:>9}" for count in row["kept"].values())
    verdict = "the same bytes" if row["same"] else "NOT the same bytes"
    print(f"{name:26} {row['filter']:26} {row['events']:>8} {kept}   {verdict}", flush=True)


def _filters(names: str) -> Iterator[tuple[str, Any]]:
    """Yield the filters asked for; of all, those that need no file of the user's."""
    from eventflow.errors import ParameterError
    from eventflow.graph.registry import node_class, node_classes

    asked = [name.strip() for name in names.split(",") if name.strip()]
    settings = dict(_SETTINGS)
    weights = jaer_weights()
    if weights is not None:
        settings["mlpf"] = {"weights": weights}
    for name in asked:
        yield name, node_class(name)(**settings.get(name, {}))
    for name, cls in [] if asked else node_classes():
        if isinstance(cls, type) and cls.__module__.startswith("eventflow_nodes.denoise."):
            try:
                yield name, cls(**settings.get(name, {}))
            except ParameterError:
                continue


def _samples() -> list[Path]:
    from eventflow.bench.inputs import samples

    root = samples()
    return [] if root is None else [root / name for name in _RECORDINGS if (root / name).exists()]
