"""On real recordings: packets do not matter, the slow references agree, nothing is lost on the way."""

from __future__ import annotations

import numpy as np
import pytest

import eventflow as ef
from eventflow.digest import content_hash
from eventflow.events import Events
from eventflow.kernels import denoise, representations
from eventflow.kernels.slices import TimeSlicer
from eventflow.kernels.tracking import ClusterTracker

pytestmark = pytest.mark.samples

RECORDINGS = ["aedat/davis346_demo01.aedat4", "evt/gen41_vectors.evt3.raw", "es/dvs.es"]


@pytest.fixture(scope="module", params=RECORDINGS)
def recording(request, samples):
    return ef.read(samples / request.param, backwards="clamp")


def in_packets(events, size):
    return [events[begin : begin + size] for begin in range(0, len(events), size)]


@pytest.mark.parametrize(
    "keep",
    [
        lambda packet, state: denoise.background_activity(packet, state, 5_000),
        lambda packet, state: denoise.stcf(packet, state, 5_000, k=3, radius=2),
        lambda packet, state: denoise.refractory(packet, state, 1_000),
    ],
    ids=["background_activity", "stcf", "refractory"],
)
def test_filters_do_not_see_packets(recording, keep):
    def filtered(size):
        state = denoise.surface(recording.width, recording.height, radius=2)
        return Events.concat([keep(packet, state) for packet in in_packets(recording, size)])

    whole = filtered(len(recording))
    assert 0 < len(whole) <= len(recording)
    assert content_hash([filtered(997)]) == content_hash([whole])


def test_background_activity_agrees_with_its_equation(recording):
    start = recording[:20_000]
    last: dict[tuple[int, int], int] = {}
    expected = []
    for t, x, y, p in start.records.tolist():
        near = [(x + i, y + j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
        if any(t - last[place] < 3_000 for place in near if place in last):
            expected.append((t, x, y, p))
        last[x, y] = t
    kept = denoise.background_activity(start, denoise.surface(start.width, start.height), 3_000)
    assert kept.records.tolist() == expected


def test_slices_and_voxel_grids_hold_every_event(recording):
    slicer = TimeSlicer(2_000)
    slices = [piece for packet in in_packets(recording, 5_000) for piece in slicer.push(packet)] + slicer.finish()
    assert content_hash([Events.concat([piece.events for piece in slices])]) == content_hash([recording])
    for piece in slices[:10]:
        signs = 2 * piece.events.p.astype(np.int64) - 1
        grid = representations.voxel_grid(piece.events, piece.t0, piece.t1, 5)
        assert grid.sum(dtype=np.float64) == pytest.approx(signs.sum(), abs=0.05)
        assert representations.count_frame(piece.events).sum() == len(piece)


def test_tracks_do_not_see_packets(recording):
    start = recording[:100_000]

    def tracks(size):
        tracker = ClusterTracker(start.width, start.height)
        return [report for packet in in_packets(start, size) for report in tracker.push(packet)]

    whole = tracks(len(start))
    assert len(whole) > 3
    assert content_hash(tracks(777)) == content_hash(whole)
