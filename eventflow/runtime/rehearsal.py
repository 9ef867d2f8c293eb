"""Two events through a second instance of a node before the run: kernels are compiled or loaded by then.

Without it the first packet of a live stream waits for the compiler: seconds when cold, tens of milliseconds when warm.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.events import EVENT_DTYPE, Events
from eventflow.messages import Slice, StreamInfo

if TYPE_CHECKING:
    from eventflow.graph.graph import NodeSpec


def rehearse(spec: NodeSpec, infos: dict[str, StreamInfo]) -> None:
    """Start a second instance with the same streams and give it two events; what it says or raises is forgotten."""
    if spec.is_source:
        return
    with contextlib.suppress(Exception):  # whatever is wrong will be said when it happens to a real message
        node = spec.make()
        try:
            node.start(**infos)
            for name, port in spec.inputs.items():
                for message in _messages(infos[name], port.types):
                    _consume(getattr(node, name)(message))
            _consume(node.finish(3))
        finally:
            node.close(complete=False)


def _messages(info: StreamInfo, kinds: tuple[type, ...]) -> list[Any]:
    records = np.zeros(2, EVENT_DTYPE)
    records["t"] = 1, 2
    events = Events(records, max(info.width, 1), max(info.height, 1), ordered=True)
    made = {Events: events, Slice: Slice(events, 0, 3, 0)}
    return [made[kind] for kind in kinds if kind in made]


def _consume(returned: Any) -> None:
    if returned is not None and not isinstance(returned, Events) and hasattr(returned, "__next__"):
        for _ in returned:
            pass
