"""What the slicing nodes of one event stream share: the way from a slicer's methods to those of a node."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.kernels.slices import Slicer
from eventflow.messages import Slice, StreamInfo


class Slicing(Node):
    """Cut a stream into slices: the abstract base of nodes that do.

    Args:
        tail: keep the last slice, which the end of the stream cuts short, or drop it; its events are then counted.
    """

    heavy: ClassVar[bool] = True  # what works on whole windows works beside what works on packets
    tail: Literal["keep", "drop"] = "keep"

    def _make(self, events: StreamInfo) -> Slicer:
        """Return the slicer of a stream."""
        raise TypeError(f"{type(self).__name__} has no slicer")

    def start(self, events: StreamInfo, **others: StreamInfo) -> StreamInfo:
        """Begin with nothing pending."""
        self._slicer: Any = self._make(events)
        cut = {name: getattr(self, name) for name in self.declaration.parameters}
        return events.having(attributes=events.attributes | {"slices": {"by": type(self).__name__} | cut})

    def events(self, events: Events) -> list[Slice]:
        """Return the slices a packet completes."""
        slices: list[Slice] = self._slicer.push(events)
        if self._slicer.left_out:
            self.skipped["slices left out of gaps"] = self._slicer.left_out
        return slices

    def on_watermark(self, t: int) -> list[Slice]:
        """Return the slices that end at `t` or before, though no event came."""
        slices: list[Slice] = self._slicer.advance(t)
        return slices

    def finish(self, t_end: int) -> list[Slice]:
        """Return what is cut short."""
        slices: list[Slice] = self._slicer.finish(t_end)
        if self.tail == "keep":
            return slices
        self.skipped["events of a slice cut short"] += sum(map(len, slices))
        return []

    def state(self) -> dict[str, Any]:
        """Return what is pending."""
        state: dict[str, Any] = self._slicer.state()
        return state

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to what was pending."""
        self._slicer.restore(state)
