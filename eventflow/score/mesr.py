"""MESR: how structured an image of a fixed number of events is, without labels; worth nothing without its control.

Ding et al. 2023, "E-MLB: multilevel benchmark for event-based camera denoising". For each full slice of N events with
n_i of them in pixel i of K:

    NTSS = sum n_i (n_i - 1) / (N (N - 1))          M = floor(2 N / 3)
    L = K - sum (1 - M / N)^n_i                      ESR = sqrt(NTSS L)

The mean over slices is the MESR. It does not change when pixels are shuffled, and it falls when events are taken away
at random: so each value stands beside that of the same stream thinned at random to the same number of events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from eventflow.events import Events

SLICE_EVENTS = 30_000


def mesr(events: Events, *, slice_events: int = SLICE_EVENTS) -> float | None:
    """Return the mean event structural ratio over full slices; None where there is none."""
    place = events.y.astype(np.int64) * events.width + events.x
    found = []
    for begin in range(0, len(events) - slice_events + 1, slice_events):
        counts = np.bincount(place[begin : begin + slice_events], minlength=events.width * events.height)
        seen = counts[counts > 0].astype(np.float64)
        chance = 1.0 - (2 * slice_events // 3) / slice_events
        structure = float(np.sum(seen * (seen - 1))) / (slice_events * (slice_events - 1))
        spread = float(len(seen) - np.sum(chance**seen))
        found.append(np.sqrt(structure * spread))
    return float(np.mean(found)) if found else None


def thinned(events: Events, count: int, *, seed: int = 0) -> Events:
    """Return `count` of the events chosen at random, in their order."""
    chosen = np.zeros(len(events), np.bool_)
    chosen[np.random.default_rng(seed).choice(len(events), count, replace=False)] = True
    return events[chosen]
