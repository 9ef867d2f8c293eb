"""What a user names as a source of events: a recording, a scene, a camera, an address; and the node that it becomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from eventflow.errors import ParameterError

if TYPE_CHECKING:
    import argparse

HELP: Final = (
    "a recording, - for standard input, synth:SCENE, camera or camera:SERIAL, webcam or webcam:NUMBER, tap:NAME, "
    "tcp://HOST:PORT or ipc://PATH of a stream that a run publishes, dv://HOST:PORT, udp://HOST:PORT"
)
_ADDRESSES: Final = {"tcp": "subscribe", "ipc": "subscribe", "dv": "dv_network", "udp": "udp"}
_DEVICES: Final = {"camera": "serial", "webcam": "device"}


def add_source(parser: argparse.ArgumentParser) -> None:
    """Declare a source and the parameters of its node."""
    parser.add_argument("source", metavar="SOURCE", help=HELP)
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the source's node (read, synth, camera, webcam, subscribe, dv_network, udp)",
    )


def source_node(source: str, settings: list[str]) -> tuple[dict[str, Any], str]:
    """Return a source's node, as in a graph file, and the name of its port of events.

    Raises:
        ParameterError: a setting is no NAME=VALUE.
    """
    node, port = _node(source)
    for each in settings:
        name, equals, value = each.partition("=")
        if not equals:
            raise ParameterError(f"--set {each}: expected NAME=VALUE")
        node[name.strip()] = value.strip()
    return node, port


def is_live(node: dict[str, Any]) -> bool:
    """Return whether time passes by itself at a source."""
    from eventflow.graph.registry import node_class

    return node_class(node["use"]).live


def _node(source: str) -> tuple[dict[str, Any], str]:
    kind, colon, rest = source.partition(":")
    if kind in _DEVICES:
        chosen = {_DEVICES[kind]: rest} if rest else {}
        return {"use": kind, **chosen}, "events"
    if kind == "tap" and colon:
        return {"use": "subscribe", "url": rest}, "events"
    if "://" in source and kind in _ADDRESSES:
        use = _ADDRESSES[kind]
        where = {"url": source} if use == "subscribe" else {"address": source.partition("://")[2]}
        return {"use": use, **where}, "events"
    return {"use": "read", "path": source}, "events"
