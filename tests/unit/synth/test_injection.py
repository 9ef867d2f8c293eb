"""Noise merged into a recording: what was there stays, what came is labelled."""

from __future__ import annotations

import numpy as np
import pytest

from eventflow.errors import EventsError, ParameterError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.synth import with_noise


def recording(times, **columns):
    records = np.zeros(len(times), EVENT_DTYPE)
    records["t"], records["x"], records["y"] = times, 3, 4
    return Events(records, 40, 30, **columns)


def test_the_signal_is_still_there_and_the_noise_has_its_rate():
    start = 1_600_000_000_000_000
    signal = recording(start + np.arange(0, 4_000_001, 1000))
    noisy = with_noise(signal, noise=5.0, leak=0.3, seed=1)
    assert noisy.ordered
    assert (np.diff(noisy.t) >= 0).all()
    kept = noisy[noisy.labels == 1]
    assert kept.records.tobytes() == signal.records.tobytes()
    noise = noisy[noisy.labels == 2]
    assert len(noise) + len(kept) == len(noisy)
    expected = 5.3 * 40 * 30 * 4
    # leak is more regular than Poisson, the spread of rates does not change the sum
    assert abs(len(noise) - expected) < 5 * np.sqrt(expected)
    assert noise.t[0] >= start
    assert noise.t[-1] <= start + 4_000_000
    on = np.count_nonzero(noise.p) / len(noise)
    assert on == pytest.approx((2.5 + 0.3) / 5.3, abs=0.02)


def test_rates_are_lognormal_over_the_pixels():
    noise = with_noise(recording([0, 60_000_000]), noise=30.0, leak=0.0, noise_spread=0.3)
    counts = np.bincount(noise.y.astype(int) * 40 + noise.x, minlength=1200)
    assert np.log10(np.maximum(counts, 1)).std() == pytest.approx(0.3, abs=0.03)


def test_labels_that_are_known_stay():
    noisy = with_noise(recording([0, 10, 20], labels=np.array([0, 2, 1], np.uint8)), noise=0.0, leak=0.0)
    assert noisy.labels.tolist() == [1, 2, 1]


def test_nothing_and_one_event():
    assert len(with_noise(recording([]))) == 0
    assert with_noise(recording([7]), noise=0.0, leak=0.0).t.tolist() == [7]


def test_what_cannot_be_done_is_refused():
    with pytest.raises(EventsError, match="time order"):
        with_noise(recording([5, 3]))
    with pytest.raises(ParameterError, match="noise"):
        with_noise(recording([5]), noise=-1.0)
