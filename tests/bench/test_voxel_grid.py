"""Claim: a voxel grid takes at most two thirds of EventCV's time and a fifth of tonic's."""

import pytest

from eventflow.bench import peer_events
from eventflow.kernels import representations

BINS = 5


@pytest.fixture(scope="module")
def window(scene):
    return scene[:300_000]


@pytest.mark.benchmark(group="voxel_grid")
def test_eventflow(benchmark, window):
    t0, t1 = int(window.t[0]), int(window.t[-1])
    assert benchmark(representations.voxel_grid, window, t0, t1, BINS).shape == (BINS, 260, 346)


@pytest.mark.benchmark(group="voxel_grid")
def test_eventcv(benchmark, window, peer):
    peer("EventCV")
    stream = peer_events.eventcv_stream(window)
    span_us = int(window.t[-1] - window.t[0])
    assert benchmark(lambda: stream.voxel(bins=BINS, window_us=span_us).numpy()).shape == (BINS, 260, 346)


@pytest.mark.benchmark(group="voxel_grid")
def test_tonic(benchmark, window, peer):
    tonic = peer("tonic")
    array = peer_events.tonic_array(window)
    assert benchmark(tonic.functional.to_voxel_grid_numpy, array, (346, 260, 2), BINS).shape[0] == BINS
