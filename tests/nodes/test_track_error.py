"""The node `track_error` scores as ef.score does, whatever the order in which messages arrive."""

from __future__ import annotations

import pytest

import eventflow as ef
from eventflow.messages import StreamInfo, Tracks
from eventflow.score import score_tracks
from eventflow_nodes.track.track_error import TrackError

INFO = StreamInfo(64, 48)
TRUTH = ef.synth.truth("shapes", seed=2, width=64, height=48, count=2, duration=300_000, truth_every=10_000)


def followed(every):
    """Tracks 1 px beside the truth, at times of their own."""
    exact = ef.synth.truth("shapes", seed=2, width=64, height=48, count=2, duration=300_000, truth_every=every)
    return [Tracks(m.t, m.id + 10, m.x + 0.6, m.y - 0.8, m.vx, m.vy, m.w, m.h, m.mass) for m in exact]


def run(tracks, truth, **parameters):
    node = TrackError(**parameters)
    node.start(INFO, INFO)
    order = sorted([(m.t, 0, m) for m in tracks] + [(m.t, 1, m) for m in truth], key=lambda entry: entry[:2])
    for _, port, message in order:
        (node.truth if port else node.tracks)(message)
    node.finish(300_000)
    return node


@pytest.mark.parametrize("every", [1000, 3700, 10_000, 25_000])
def test_the_result_is_that_of_the_library(every):
    tracks = followed(every)
    node = run(tracks, TRUTH)
    assert node.results == score_tracks(tracks, TRUTH)
    assert node.results["median_px"] == pytest.approx(1.0, abs=1e-3)
    assert node.results["matched_share"] == 1.0
    assert not node.skipped


def test_tracks_outside_the_truth_are_counted():
    tracks = followed(10_000)
    node = run(tracks, TRUTH[5:-4])
    assert node.skipped == {"tracks before the first truth": 5, "tracks after the last truth": 4}
    assert node.results == score_tracks(tracks, TRUTH[5:-4])


def test_the_gate_is_a_parameter():
    assert run(followed(10_000), TRUTH, gate=0.5).results["matched_share"] == 0.0


def test_no_input_reports_nothing_found():
    results = run([], []).results
    assert results["n"] == 0
    assert results["median_px"] is None
