"""Refractory period: a pixel that has just spoken is not heard."""

from __future__ import annotations

from typing import Annotated, Literal

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Live, Range
from eventflow.kernels import denoise
from eventflow.messages import StreamInfo
from eventflow.units import Duration, ms


class RefractoryFilter(Node):
    """Drop events that follow another of their pixel within `period`; in unordered streams, before or after it.

    Args:
        period: how long a pixel is silenced.
        rule: what silences it: a `kept` event, as in a sensor's pixel, or `all` events, kept or not.
        mark: keep all events and fill their scores with the time since the event that silenced the pixel, µs.
    """

    period: Annotated[Duration, Range(1), Live()] = ms(1)
    rule: Literal["kept", "all"] = "kept"
    mark: bool = False

    def start(self, events: StreamInfo) -> None:
        """Forget all events."""
        self._last = denoise.surface(events.width, events.height, radius=0)

    def events(self, events: Events) -> Events:
        """Filter a packet."""
        return denoise.refractory(events, self._last, self.period, rule=self.rule, mark=self.mark)
