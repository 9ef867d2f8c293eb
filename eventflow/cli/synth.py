"""Simulate an event camera before a scene and write its events. Without a scene, list the scenes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventflow.cli.options import add_json, duration, positive, print_json

if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument(
        "scene", metavar="SCENE", nargs="?", help="a scene such as crossing, a video, or a folder of images"
    )
    parser.add_argument("output", metavar="OUT", nargs="?", help="the recording to write")
    parser.add_argument("--truth", metavar="FILE", help="write the true tracks there (.csv or .npz)")
    parser.add_argument("--duration", type=duration, metavar="TIME", help="how long")
    parser.add_argument("--seed", type=int, default=0, help="of everything left to chance (0)")
    parser.add_argument("--width", type=positive, metavar="PX", help="sensor width")
    parser.add_argument("--height", type=positive, metavar="PX", help="sensor height")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any other parameter of node `synth`; see `eventflow nodes synth`",
    )
    add_json(parser)


def main(options: argparse.Namespace) -> int:
    """Simulate, or list."""
    from eventflow.errors import ParameterError

    if options.scene is None:
        return _list(options)
    if options.output is None:
        raise ParameterError(f"synth {options.scene}: name the recording to write, such as {options.scene}.raw")
    from eventflow.cli.execution import execute
    from eventflow.graph.file import graph_from_dict

    given = {name: getattr(options, name) for name in ("scene", "duration", "seed", "width", "height")}
    nodes = {"scene": {"use": "synth"} | given, "events": {"use": "write", "path": options.output}}
    flow = ["scene.events -> events"]
    if options.truth is not None:
        nodes["truth"] = {"use": "write", "path": options.truth}
        flow.append("scene.truth -> truth")
    settings = [f"scene.{each}" for each in options.set]
    return execute(graph_from_dict({"name": options.scene, "nodes": nodes, "flow": flow}, set=settings))


def _list(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from eventflow.synth import scenes

    found = scenes().values()
    if options.json:
        print_json([asdict(each) for each in found])
        return 0
    for each in found:
        own = ", ".join(f"{name}={value}" for name, value in each.parameters.items())
        print(f"{each.name:11}{each.doc}" + (f" ({own})" if own else ""))
    return 0
