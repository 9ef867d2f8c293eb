"""Shifted, turned, sheared, scaled."""

from __future__ import annotations

from eventflow.errors import ParameterError
from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.kernels import transforms
from eventflow.messages import StreamInfo


class Affine(Node):
    """Move every event to the pixel nearest to where a matrix takes it; what leaves the sensor is dropped and counted.

    Time plays no part: unordered events are taken too.

    Args:
        matrix: a, b, c, d, e, f: x' = a x + b y + c, y' = d x + e y + f, px.
    """

    matrix: list[float] = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]  # noqa: RUF012 - a default, copied for each node

    def start(self, events: StreamInfo) -> None:
        """Check the matrix."""
        if len(self.matrix) != 6:
            raise ParameterError(f"matrix has {len(self.matrix)} numbers, expected 6")
        self._rows = [self.matrix[:3], self.matrix[3:]]
        transforms.affine(Events.empty(events.width, events.height), self._rows)

    def events(self, events: Events) -> Events:
        """Move a packet."""
        kept = transforms.affine(events, self._rows)
        self.skipped["outside the sensor"] += len(events) - len(kept)
        return kept
