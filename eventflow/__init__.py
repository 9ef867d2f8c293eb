"""eventflow: dataflow graphs for event cameras.

Every name below is imported on first use, so that `import eventflow` itself imports nothing heavy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "Duration": "eventflow.units",
    "EVENT_DTYPE": "eventflow.events",
    "Events": "eventflow.events",
    "EventflowError": "eventflow.errors",
    "Frame": "eventflow.messages",
    "Graph": "eventflow.graph",
    "Grid": "eventflow.messages",
    "Live": "eventflow.graph.parameters",
    "Message": "eventflow.messages",
    "Node": "eventflow.graph.node",
    "Range": "eventflow.graph.parameters",
    "Recording": "eventflow.io",
    "Size": "eventflow.units",
    "Slice": "eventflow.messages",
    "Source": "eventflow.graph.node",
    "StreamInfo": "eventflow.messages",
    "Tracks": "eventflow.messages",
    "Watermark": "eventflow.messages",
    "attach": "eventflow.runtime",
    "connect": "eventflow.runtime",
    "convert": "eventflow.io",
    "index": "eventflow.io",
    "load_graph": "eventflow.graph",
    "ms": "eventflow.units",
    "open": "eventflow.io",
    "read": "eventflow.io",
    "run": "eventflow.runtime",
    "runs": "eventflow.runtime",
    "s": "eventflow.units",
    "us": "eventflow.units",
    "write": "eventflow.io",
}
_MODULES = ("datasets", "errors", "io", "kernels", "score", "synth", "testing")

__all__ = sorted([*_HOME, *_MODULES, "__version__"])

if TYPE_CHECKING:
    from eventflow import datasets as datasets
    from eventflow import errors as errors
    from eventflow import io as io
    from eventflow import kernels as kernels
    from eventflow import score as score
    from eventflow import synth as synth
    from eventflow import testing as testing
    from eventflow.errors import EventflowError as EventflowError
    from eventflow.events import EVENT_DTYPE as EVENT_DTYPE
    from eventflow.events import Events as Events
    from eventflow.graph import Graph as Graph
    from eventflow.graph import load_graph as load_graph
    from eventflow.graph.node import Node as Node
    from eventflow.graph.node import Source as Source
    from eventflow.graph.parameters import Live as Live
    from eventflow.graph.parameters import Range as Range
    from eventflow.io import Recording as Recording
    from eventflow.io import convert as convert
    from eventflow.io import index as index
    from eventflow.io import open as open
    from eventflow.io import read as read
    from eventflow.io import write as write
    from eventflow.messages import Frame as Frame
    from eventflow.messages import Grid as Grid
    from eventflow.messages import Message as Message
    from eventflow.messages import Slice as Slice
    from eventflow.messages import StreamInfo as StreamInfo
    from eventflow.messages import Tracks as Tracks
    from eventflow.messages import Watermark as Watermark
    from eventflow.runtime import attach as attach
    from eventflow.runtime import connect as connect
    from eventflow.runtime import run as run
    from eventflow.runtime import runs as runs
    from eventflow.units import Duration as Duration
    from eventflow.units import Size as Size
    from eventflow.units import ms as ms
    from eventflow.units import s as s
    from eventflow.units import us as us


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    if name in _MODULES:
        return import_module(f"eventflow.{name}")
    raise AttributeError(f"module 'eventflow' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
