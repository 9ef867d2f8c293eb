"""Images of warped events."""

from __future__ import annotations

from typing import Literal

from eventflow.graph.node import Node
from eventflow.kernels import warping
from eventflow.messages import Grid, Slice, StreamInfo


class WarpedEvents(Node):
    """Move the events of each slice along one flow to one instant and add them up. Gallego et al. 2018.

    One plane, float32; sharp where the flow is right. The sharpness is in the results as `warped_NAME`, its mean over
    the slices.

    Args:
        vx: flow to the right, px/s.
        vy: flow downwards, px/s.
        instant: to which the events are moved.
        signed: let OFF events count -1 instead of 1.
        objective: the measure of sharpness.
    """

    vx: float = 0.0
    vy: float = 0.0
    instant: Literal["start", "middle", "end"] = "start"
    signed: bool = False
    objective: Literal[
        "variance", "mean_square", "gradient_magnitude", "laplacian_magnitude", "sum_of_exponentials",
        "suppressed_accumulations", "highest", "inverse_area", "entropy",
    ] = "variance"  # fmt: skip

    def start(self, slice: StreamInfo) -> None:
        """Begin with nothing measured."""
        self._total, self._count = 0.0, 0

    def slice(self, slice: Slice) -> Grid:
        """Return the image of one slice."""
        instants = {"start": slice.t0, "middle": (slice.t0 + slice.t1) // 2, "end": slice.t1}
        data = warping.warped_events(
            slice.events, slice.t0, slice.t1, self.vx, self.vy, t_ref=instants[self.instant], signed=self.signed
        )
        self._total += warping.OBJECTIVES[self.objective](data)
        self._count += 1
        self.results[f"warped_{self.objective}"] = self._total / self._count
        return Grid(data, slice.t0, slice.t1, ("events",))
