"""Event spike tensors (EST)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar

from eventflow.errors import missing_extra
from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.messages import Grid, Slice, StreamInfo


class Est(Node):
    """Spread the times of each slice's events over bins by a kernel that was learned. Gehrig et al. 2019.

    Planes: the bins of OFF, then those of ON, float32. Needs the extra `snn` (torch). To learn a kernel, put
    `eventflow.kernels.est.EventSpikeTensor` before a network and `save` it.

    Args:
        bins: planes a polarity.
        weights: a learned kernel, NPZ; null is the trilinear kernel it begins from.
    """

    heavy: ClassVar[bool] = True
    bins: Annotated[int, Range(2, 1024)] = 9
    weights: Path | None = None

    def start(self, slice: StreamInfo) -> None:
        """Load the kernel and name the planes."""
        try:
            from eventflow.kernels.est import EventSpikeTensor
        except ImportError:
            raise missing_extra("torch", "snn", "est") from None
        self._layer: Any = EventSpikeTensor(self.bins, learned=self.weights is not None)
        if self.weights is not None:
            self._layer.load(self.weights)
        self._channels = tuple(f"{side}{number}" for side in ("off", "on") for number in range(self.bins))

    def slice(self, slice: Slice) -> Grid:
        """Return the tensor of one slice."""
        data = self._layer(slice.events, slice.t0, slice.t1).detach().numpy()
        return Grid(data, slice.t0, slice.t1, self._channels)
