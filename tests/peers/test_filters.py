"""background_activity keeps what dv-processing keeps, event for event."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from eventflow.bench.peer_events import dv_packets
from eventflow.events import EVENT_DTYPE, Events
from eventflow.kernels import denoise

WIDTH, HEIGHT = 346, 260


@pytest.fixture(scope="module")
def kept_by_dv(peer):
    """What dv-processing keeps of events of a window in µs, as one list of (t, x, y, p)."""
    dv = peer("dv-processing")

    def keep(events: Events, window: int) -> list[tuple[int, int, int, int]]:
        noise = dv.noise.BackgroundActivityNoiseFilter((events.width, events.height), timedelta(microseconds=window))
        kept: list[tuple[int, int, int, int]] = []
        for packet in dv_packets(events, 65536):
            noise.accept(packet)
            kept += noise.generateEvents().numpy().tolist()
        return kept

    return keep


def random_events(t0: int, seed: int) -> Events:
    rng = np.random.default_rng(seed)
    records = np.zeros(200_000, EVENT_DTYPE)
    records["t"] = t0 + np.sort(rng.integers(0, 400_000, len(records)))
    records["x"], records["y"] = rng.integers(0, WIDTH, len(records)), rng.integers(0, HEIGHT, len(records))
    records["p"] = rng.integers(0, 2, len(records))
    return Events(records, WIDTH, HEIGHT)


@pytest.mark.parametrize("t0", [2_000, 10_000_000, 1_643_243_628_737_093])
@pytest.mark.parametrize("window", [1, 300, 2_000])
def test_the_same_random_events_are_kept(t0, window):
    events = random_events(t0, seed=window)
    ours = denoise.background_activity(events, denoise.surface(WIDTH, HEIGHT), window)
    assert ours.records.tolist() == kept_by_dv(events, window)


def test_only_dv_passes_what_comes_before_the_first_window():
    events = random_events(0, seed=1)
    ours = denoise.background_activity(events, denoise.surface(WIDTH, HEIGHT), 2_000).records.tolist()
    theirs = kept_by_dv(events, 2_000)
    assert set(ours) < set(theirs)
    assert all(t < 2_000 for t, *_ in set(theirs) - set(ours))
