"""EST, the event spike tensor: a representation whose kernel over time is learned with the network behind it.

Gehrig et al. 2019, "End-to-end learning of representations for asynchronous event-based data", eq. 6 and 9:

    E[p * bins + b, y, x] = sum over events of t k(t - b / (bins - 1)),      t = (t - t0) / (t1 - t0)

with k a small network of one number, which begins as the trilinear kernel max(0, 1 - (bins - 1) |t|). Importing this
module imports torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from eventflow.errors import ParameterError
from eventflow.kernels.windows import check_inside, check_number, check_window

if TYPE_CHECKING:
    from pathlib import Path

    from eventflow.events import Events

_HIDDEN = 100


class EventSpikeTensor(torch.nn.Module):  # type: ignore[misc]
    """The representation as a layer: events in, a tensor out, gradients to the kernel.

    Args:
        bins: planes a polarity, 2 to 1024.
        learned: whether the kernel is the network; else it is the trilinear kernel itself.
        seed: of the network's first weights.
    """

    def __init__(self, bins: int = 9, *, learned: bool = True, seed: int = 1) -> None:
        check_number("bins", bins, 2, 1024)
        super().__init__()
        self.bins = bins
        self.network: torch.nn.Sequential | None = None
        if learned:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                self.network = torch.nn.Sequential(
                    torch.nn.Linear(1, _HIDDEN),
                    torch.nn.LeakyReLU(0.1),
                    torch.nn.Linear(_HIDDEN, _HIDDEN),
                    torch.nn.LeakyReLU(0.1),
                    torch.nn.Linear(_HIDDEN, 1),
                )

    def kernel(self, t: Any) -> Any:
        """Return k at times `t`, a tensor of any shape, in windows."""
        if self.network is None:
            return torch.clamp(1 - (self.bins - 1) * t.abs(), min=0)
        return self.network(t.reshape(-1, 1)).reshape(t.shape)

    def begin_trilinear(self, *, steps: int = 1000, seed: int = 1) -> float:
        """Train the network towards the trilinear kernel, as the authors do first; return the mean squared error."""
        if self.network is None:
            return 0.0
        chance = torch.Generator().manual_seed(seed)
        optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-2)
        error = torch.zeros(())
        for _ in range(steps):
            t = torch.rand(2000, generator=chance) * 2 - 1
            error = ((self.kernel(t) - torch.clamp(1 - (self.bins - 1) * t.abs(), min=0)) ** 2).mean()
            optimizer.zero_grad()
            error.backward()
            optimizer.step()
        return float(error.detach())

    def forward(self, events: Events, t0: int, t1: int) -> Any:
        """Return the tensor of a window: float32, shape (2 bins, height, width), the bins of OFF, then those of ON.

        Args:
            events: all with t0 <= t <= t1, in any order; not written.
            t0: start of the window, µs.
            t1: end of the window, µs.

        Raises:
            ParameterError: the window is not usable.
            EventsError: an event lies outside the window; `index` is the first.
        """
        check_window(t0, t1)
        outside = np.flatnonzero((events.t < t0) | (events.t > t1))
        check_inside(events, int(outside[0]) if len(outside) else -1, t0, t1)
        pixels = events.width * events.height
        t = torch.from_numpy((events.t - t0).astype(np.float64) / max(t1 - t0, 1)).float()
        place = torch.from_numpy(events.y.astype(np.int64) * events.width + events.x)
        place += torch.from_numpy(events.p.astype(np.int64)) * (self.bins * pixels)
        cells = torch.zeros(2 * self.bins * pixels)
        for b in range(self.bins):
            cells = cells.index_add(0, place + b * pixels, t * self.kernel(t - b / (self.bins - 1)))
        return cells.reshape(2 * self.bins, events.height, events.width)

    def save(self, path: Path) -> None:
        """Write the kernel's weights to a NumPy archive."""
        np.savez(path, **{name: value.detach().numpy() for name, value in self.state_dict().items()})

    def load(self, path: Path) -> None:
        """Read weights that `save` wrote.

        Raises:
            ParameterError: the archive does not hold them.
        """
        try:
            with np.load(path, allow_pickle=False) as archive:
                self.load_state_dict({name: torch.from_numpy(archive[name]) for name in archive.files})
        except (OSError, ValueError, RuntimeError) as error:
            raise ParameterError(f"{path} holds no kernel of an event spike tensor: {error}") from None
