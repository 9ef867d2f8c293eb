"""The score of tracks: every number against a case whose answer is plain."""

from __future__ import annotations

import numpy as np
import pytest

import eventflow as ef
from eventflow.errors import EventflowError
from eventflow.messages import Tracks
from eventflow.score import TrackScore, score_tracks, tracks_between


def tracks(t, *rows):
    """Tracks of (id, x, y) or (id, x, y, mass)."""
    table = np.array([(*row, 1.0)[:4] for row in rows], np.float64).reshape(-1, 4)
    ones, zeros = np.ones(len(table)), np.zeros(len(table))
    places = table[:, 1].copy(), table[:, 2].copy()
    return Tracks(t, table[:, 0].astype(np.int64), *places, zeros, zeros, ones, ones, table[:, 3].copy())


def moving(t):
    """Two objects, 100 px apart, that move 1 px a ms to the right."""
    return tracks(t, (0, t / 1000, 10), (1, t / 1000 + 100, 10))


TRUTH = [moving(t) for t in range(0, 100_001, 10_000)]


def test_perfect_tracks():
    result = score_tracks([moving(t) for t in range(3000, 100_000, 7000)], TRUTH)
    assert result["n"] == 28
    assert result["matched_share"] == result["mota"] == 1.0
    assert result["median_px"] == pytest.approx(0.0, abs=1e-9)
    assert result["id_switches"] == result["lost"] == result["false_tracks"] == 0
    assert result["false_share"] == 0.0


def test_distances_are_at_the_tracks_own_time():
    off = [tracks(t, (7, t / 1000 + 3, 14), (8, t / 1000 + 100, 10)) for t in (1234, 5678)]
    result = score_tracks(off, TRUTH)
    assert result["rmse_px"] == pytest.approx(np.sqrt(25 / 2))
    assert result["median_px"] == pytest.approx(2.5)
    assert result["p95_px"] == pytest.approx(5.0)


def test_an_exchange_of_ids_is_two_switches():
    swapped = [
        moving(t) if t < 50_000 else tracks(t, (1, t / 1000, 10), (0, t / 1000 + 100, 10))
        for t in range(0, 100_000, 10_000)
    ]
    result = score_tracks(swapped, TRUTH)
    assert result["id_switches"] == 2
    assert result["matched_share"] == 1.0
    assert result["mota"] == pytest.approx(1 - 2 / 20)


def test_a_track_is_kept_while_it_is_near_though_another_is_nearer():
    near = [tracks(0, (5, 1.0, 10), (9, 100, 10)), tracks(10_000, (5, 18.0, 10), (6, 10.5, 10), (9, 110, 10))]
    assert score_tracks(near, TRUTH)["id_switches"] == 0
    assert score_tracks(near, TRUTH, gate_px=5.0)["id_switches"] == 1


def test_misses_and_losses():
    gone = [moving(t) if t < 30_000 or t >= 70_000 else tracks(t, (0, t / 1000, 10)) for t in range(0, 100_000, 10_000)]
    result = score_tracks(gone, TRUTH)
    assert result["lost"] == 1
    assert result["matched_share"] == 16 / 20
    assert result["mota"] == pytest.approx(16 / 20)
    assert result["id_switches"] == 0


def test_false_tracks():
    ghosts = [
        tracks(t, (0, t / 1000, 10), (1, t / 1000 + 100, 10), (50 + t // 50_000, 60, 90))
        for t in range(0, 100_000, 10_000)
    ]
    result = score_tracks(ghosts, TRUTH)
    assert result["false_tracks"] == 2
    assert result["false_share"] == pytest.approx(1 / 3)
    assert result["mota"] == pytest.approx(0.5)


def test_a_hidden_object_is_neither_missed_nor_found():
    def hidden(t):
        mass = 0.2 if 30_000 <= t <= 60_000 else 1.0
        return tracks(t, (0, t / 1000, 10, mass), (1, t / 1000 + 100, 10))

    truth = [hidden(t) for t in range(0, 100_001, 10_000)]
    absent = [
        moving(t) if not 30_000 <= t <= 60_000 else tracks(t, (1, t / 1000 + 100, 10))
        for t in range(0, 100_000, 10_000)
    ]
    coasting = [moving(t) for t in range(0, 100_000, 10_000)]
    for followed in (absent, coasting):
        result = score_tracks(followed, truth)
        assert result["n"] == 16
        assert result["mota"] == 1.0
        assert result["false_share"] == 0.0
        assert result["lost"] == 0


def test_a_hidden_object_does_not_take_the_track_of_a_visible_one():
    truth = [tracks(t, (0, 50, 50, 0.1), (1, 53, 50, 1.0)) for t in (0, 10_000)]
    result = score_tracks([tracks(5000, (3, 50, 50))], truth)
    assert result["n"] == 1
    assert result["median_px"] == pytest.approx(3.0)


def test_truth_is_interpolated_over_rows_in_both():
    before, after = tracks(0, (0, 0, 0), (2, 5, 5)), tracks(10, (2, 15, 25), (3, 9, 9))
    middle = tracks_between(before, after, 4)
    assert (middle.t, middle.id.tolist()) == (4, [2])
    assert (middle.x[0], middle.y[0]) == (9.0, 13.0)
    assert tracks_between(before, before, 0).id.tolist() == [0, 2]


def test_nothing_tracked_and_nothing_to_track():
    nothing = score_tracks([tracks(1000)], TRUTH)
    assert nothing["matched_share"] == nothing["mota"] == 0.0
    assert nothing["median_px"] is None
    empty = score_tracks([tracks(1000, (1, 5, 5))], [tracks(0), tracks(2000)])
    assert empty["n"] == 0
    assert empty["mota"] is None
    assert empty["false_tracks"] == 1


def test_samples_outside_the_truth_are_left_out():
    assert score_tracks([moving(t) for t in (-5, 0, 50_000, 100_000, 100_001)], TRUTH)["n"] == 6


def test_disorder_is_refused():
    with pytest.raises(EventflowError, match="no truth"):
        score_tracks([], [])
    with pytest.raises(EventflowError, match="message 1 steps back"):
        score_tracks([], [moving(10), moving(0)])
    with pytest.raises(EventflowError, match="message 1 steps back in time, from 10 to 0"):
        score_tracks([moving(10), moving(0)], TRUTH)


def test_a_restored_score_goes_on_as_if_nothing_had_happened():
    samples = [tracks(t, (t // 30_000, t / 1000 + 1, 10), (9, 60, 60)) for t in range(0, 100_000, 1000)]
    whole, half = TrackScore(), TrackScore()
    for number, sample in enumerate(samples):
        if number == 41:
            state = half.state()
            half = TrackScore()
            half.restore(state)
        whole.add(sample, moving(sample.t))
        half.add(sample, moving(sample.t))
    assert whole.result() == half.result()


def test_noisy_copies_of_a_synthetic_truth_score_as_their_noise():
    truth = ef.synth.truth("shapes", seed=1, duration=2_000_000, truth_every=2000, count=3, width=346, height=260)
    rng = np.random.default_rng(1)
    noisy = [
        Tracks(m.t, m.id + 4, m.x + rng.normal(0, 2, 3), m.y + rng.normal(0, 2, 3), m.vx, m.vy, m.w, m.h, m.mass)
        for m in truth
    ]
    result = score_tracks(noisy, truth)
    # the length of a normal vector in the plane: Rayleigh
    assert result["median_px"] == pytest.approx(2 * np.sqrt(2 * np.log(2)), rel=0.06)
    assert result["rmse_px"] == pytest.approx(2 * np.sqrt(2), rel=0.06)
