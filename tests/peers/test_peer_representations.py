"""Voxel grids, counts and time surfaces are those of other libraries where the definition is the same."""

from __future__ import annotations

import numpy as np
import pytest

import eventflow as ef
from eventflow.bench import streams
from eventflow.bench.peer_events import dv_packets, eventcv_stream, tonic_array
from eventflow.kernels import representations

BINS = 5
TAU_US = 30_000
ON_OFF = slice(None, None, -1)  # EventCV has the plane of ON first


@pytest.fixture(scope="module", params=["simulated", "recorded"])
def events(request):
    if request.param == "simulated":
        return streams.small(100_000)
    return ef.read(request.getfixturevalue("samples") / "aedat" / "davis346_demo01.aedat4")


@pytest.fixture(scope="module")
def window(events):
    return int(events.t[0]), int(events.t[-1])


def test_voxel_grid_is_that_of_eventcv(peer, events, window):
    peer("EventCV")
    theirs = eventcv_stream(events).voxel(bins=BINS, window_us=window[1] - window[0]).numpy()
    np.testing.assert_allclose(representations.voxel_grid(events, *window, BINS), theirs, atol=1e-4)


def test_voxel_grid_is_that_of_tonic(peer, events, window):
    tonic = peer("tonic")
    # its time axis has `bins` steps where the paper has `bins - 1`, and ends one plane early: the last events are lost
    # (it also writes -1 into the polarity it is given, so it gets one with a sign)
    theirs = tonic.functional.to_voxel_grid_numpy(tonic_array(events), (events.width, events.height, 2), BINS)
    ours = representations.voxel_grid(events, *window, BINS + 1)[:BINS]
    np.testing.assert_allclose(ours, theirs[:, 0], atol=1e-4)


def test_counts_are_those_of_eventcv(peer, events):
    peer("EventCV")
    theirs = eventcv_stream(events).count().numpy()
    np.testing.assert_array_equal(representations.count_frame(events).sum(axis=0, keepdims=True), theirs)


def test_counts_are_those_of_tonic(peer, events):
    tonic = peer("tonic")
    size = (events.width, events.height, 2)
    (theirs,) = tonic.functional.to_frame_numpy(tonic_array(events), size, event_count=len(events))
    np.testing.assert_array_equal(representations.count_frame(events), theirs)


def test_time_surface_is_that_of_eventcv(peer, events, window):
    peer("EventCV")
    theirs = eventcv_stream(events).tsurf(tau_us=TAU_US).numpy()
    ours = representations.time_surface(events, window[1], TAU_US)
    np.testing.assert_allclose(ours[ON_OFF], theirs, atol=1e-6)


def test_time_surfaces_of_slices_are_those_of_tonic(peer, events, window):
    tonic = peer("tonic")
    t0, every = window[0], (window[1] - window[0]) // 4
    size = (events.width, events.height, 2)
    theirs = tonic.functional.to_timesurface_numpy(tonic_array(events), size, dt=every, tau=float(TAU_US))
    assert len(theirs) >= 4
    state = representations.time_map(events.width, events.height)
    for k, expected in enumerate(theirs):
        start, end = t0 + k * every, t0 + (k + 1) * every
        ours = representations.time_surface(events.between(start, end), end, TAU_US, state=state)
        np.testing.assert_allclose(ours, expected, atol=1e-6)


def test_last_times_are_those_of_dv(peer, events, window):
    dv = peer("dv-processing")
    theirs = dv.TimeSurface((events.width, events.height))
    for packet in dv_packets(events, 10_000):
        theirs.accept(packet)
    ours = representations.time_map(events.width, events.height)
    representations.time_surface(events, window[1], TAU_US, state=ours)
    pixels = [(y, x) for y in range(0, events.height, 7) for x in range(events.width)]
    # dv keeps one surface of both polarities, 0 where nothing fired
    assert [theirs.at(y, x) for y, x in pixels] == [max(int(ours[:, y, x].max()), 0) for y, x in pixels]
