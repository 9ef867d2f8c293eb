"""Representations are those of the libraries and papers they are named after, on simulated and recorded events.

Left out: evlib's stacked histogram (its windows are counted from the first event and its own text says it is not
RVT's), dv-processing's speed-invariant surface (it fades by a number of its own).
"""

from __future__ import annotations

import numpy as np
import pytest

import eventflow as ef
from eventflow.bench import streams
from eventflow.bench.peer_events import dv_packets, eventcv_stream, polars_frame, tonic_array
from eventflow.kernels import frames, hats, recent, representations, voxels
from eventflow.kernels.accumulator import Accumulator

BINS = 5
_RECORDINGS = {"davis": "aedat/davis346_demo01.aedat4", "dvxplorer": "aedat/dvxplorer_imu.aedat4"}


@pytest.fixture(scope="module", params=["simulated", *_RECORDINGS])
def events(request):
    if request.param == "simulated":
        return streams.small(100_000)
    return ef.read(request.getfixturevalue("samples") / _RECORDINGS[request.param]).sorted()


@pytest.fixture(scope="module")
def window(events):
    return int(events.t[0]), int(events.t[-1])


def e2vid(events, t0, t1, bins):
    """The formula of E2VID's `events_to_voxel_grid`, in float64."""
    grid = np.zeros((bins, events.height, events.width))
    tau = (bins - 1) * (events.t - t0) / max(t1 - t0, 1)
    whole, sign = np.floor(tau).astype(int), 2.0 * events.p - 1
    for bin_number, share in ((whole, 1 - (tau - whole)), (whole + 1, tau - whole)):
        valid = bin_number < bins
        np.add.at(grid, (bin_number[valid], events.y[valid], events.x[valid]), (sign * share)[valid])
    return grid


def rvt(events, t0, t1, bins, cutoff):
    """The formula of RVT's stacked histogram, in its slow mode, times in float64."""
    own = np.minimum(np.floor((events.t - t0) / max(t1 - t0, 1) * bins), bins - 1).astype(int)
    counts = np.zeros((2, bins, events.height, events.width), np.int64)
    np.add.at(counts, (events.p, own, events.y, events.x), 1)
    return np.minimum(counts, cutoff).reshape(2 * bins, events.height, events.width)


def test_voxel_grid_is_that_of_e2vid(events, window):
    found = representations.voxel_grid(events, *window, BINS)
    np.testing.assert_allclose(found, e2vid(events, *window, BINS), atol=1e-4)


def test_stacked_histogram_is_that_of_rvt(events, window):
    found = voxels.stacked_histogram(events, *window, 10, most=255)
    theirs = rvt(events, *window, 10, 255)
    # of times on the border of two bins, rounding may decide otherwise than whole numbers do
    assert np.count_nonzero(found != theirs) <= 2e-5 * len(events)


def test_voxel_grid_tonic_is_that_of_tonic_and_evlib(peer, events, window):
    ours = voxels.voxel_grid_tonic(events, *window, BINS)
    tonic = peer("tonic")
    theirs = tonic.functional.to_voxel_grid_numpy(tonic_array(events), (events.width, events.height, 2), BINS)
    np.testing.assert_allclose(ours, theirs[:, 0], atol=1e-4)
    evlib = peer("evlib")
    table = evlib.representations.create_voxel_grid(polars_frame(events), events.height, events.width, BINS)
    dense = evlib.representations.densify_voxel_grid(table, BINS, events.height, events.width)
    np.testing.assert_allclose(ours, dense[:, 0], atol=1e-4)


def test_tencode_is_that_of_eventcv(peer, events, window):
    peer("EventCV")
    theirs = eventcv_stream(events).tencode(window_us=window[1] - window[0]).numpy()
    ours = recent.tencode(events, *window)
    assert np.abs(ours.astype(int) - theirs).max() <= 1  # halves are rounded up or down
    assert np.count_nonzero(ours != theirs) < 1e-3 * ours.size


def test_multi_channel_surface_is_that_of_eventcv(peer, events, window):
    peer("EventCV")
    theirs = eventcv_stream(events).mcts(max_window_ms=30).numpy()
    state = representations.time_map(events.width, events.height)
    ours = recent.multi_channel_surface(events, window[1], recent.mcts_windows(1_000, 30_000, 5), state=state)
    np.testing.assert_allclose(ours, theirs, atol=2e-4)  # our scales are whole microseconds


@pytest.mark.parametrize("decay", ["NONE", "EXPONENTIAL", "STEP"])
def test_accumulators_are_those_of_dv(peer, events, decay):
    dv = peer("dv-processing")
    tau = 50_000.0
    theirs = dv.Accumulator(
        (events.width, events.height), getattr(dv.Accumulator.Decay, decay), tau, False, 0.15, 1.0, 0.25, 0.0, False
    )
    ours = Accumulator(events.width, events.height, decay=decay.lower(), tau=int(tau), contribution=0.15, neutral=0.25)
    for packet, mine in zip(dv_packets(events, 20_000), range(0, len(events), 20_000), strict=True):
        theirs.accept(packet)
        ours.push(events[mine : mine + 20_000])
        image = ours.image(int(events.t[-1]))
        assert np.abs(theirs.generateFrame().image.astype(int) - image).max() <= 1


def test_bina_rep_is_that_of_tonic(peer, events, window):
    tonic = peer("tonic")
    piece = events[:20_000]
    t0, t1 = int(piece.t[0]), int(piece.t[-1])
    parts = [frames.binary_frame(piece[(piece.t - t0) * 8 // (t1 - t0) == part]) for part in range(8)]
    parts[7] |= frames.binary_frame(piece[piece.t == t1])
    theirs = tonic.functional.to_bina_rep_numpy(np.stack(parts), 1, 8)[0]
    np.testing.assert_array_equal(frames.bina_rep(piece, t0, t1), theirs)


def test_hats_is_that_of_tonic(peer, events):
    tonic = peer("tonic")
    piece = events[:3_000]
    shifted = tonic_array(piece)
    shifted["t"] -= shifted["t"][0]  # it keeps times in float32
    theirs = tonic.functional.to_averaged_timesurface_numpy(
        shifted, (events.width, events.height, 2), 10, 5, 100_000, 50_000.0, "exp"
    )
    ours = hats.hats(piece, cell=10, radius=2, window=100_000, tau=50_000)
    rows, columns = ours.shape[1:]
    np.testing.assert_allclose(
        ours.reshape(2, 5, 5, rows * columns).transpose(3, 0, 1, 2), theirs, rtol=1e-4, atol=1e-5
    )
