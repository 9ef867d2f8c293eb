"""Noise: rates, polarity, intervals and their spread."""

from __future__ import annotations

import numpy as np
import pytest

from eventflow.events import NOISE
from eventflow.synth import noise, render
from eventflow.synth.sensor import Sensor, SensorModel

SIDE = 64
NOWHERE = np.zeros((0, 4), np.int64)


def still(seconds, *, intensity=0.0, side=SIDE, seed=1, **changes):
    """Events of a sensor before a uniform grey."""
    given = {"noise": 0.0, "leak": 0.0, "mismatch": 0.0, "refractory": 0} | changes
    sensor = Sensor(SensorModel(**given), np.full((side, side), intensity, np.float32), seed=seed)
    for _ in range(int(seconds * 1000)):
        sensor.advance(np.full((side, side), intensity, np.float32), NOWHERE)
    return sensor.take()


def within_poisson(count, expected, *, sigmas=5.0):
    return abs(count - expected) < sigmas * np.sqrt(expected)


def test_shot_noise_has_the_rate_asked_for_in_the_dark_and_both_polarities():
    events = still(2.0, noise=5.0)
    expected = 5.0 * SIDE * SIDE * 2.0
    assert within_poisson(len(events), expected)
    assert within_poisson(np.count_nonzero(events.p), expected / 2)
    assert events.labels is not None
    assert (events.labels == NOISE).all()


def test_shot_noise_falls_with_intensity():
    for intensity, factor in ((0.5, 0.625), (1.0, 0.25)):
        assert within_poisson(len(still(2.0, noise=5.0, intensity=intensity)), 5.0 * SIDE * SIDE * 2.0 * factor)
    assert within_poisson(len(still(2.0, noise=5.0, intensity=1.0, noise_at_full=1.0)), 5.0 * SIDE * SIDE * 2.0)


def test_shot_noise_is_a_poisson_process():
    events = still(3.0, noise=20.0)
    counts = np.bincount(events.y.astype(int) * SIDE + events.x, minlength=SIDE * SIDE)
    # variance / mean is 1 for Poisson, with a standard error of sqrt(2 / n)
    assert abs(counts.var() / counts.mean() - 1.0) < 5 * np.sqrt(2 / SIDE**2)
    gaps = np.diff(events.t).astype(float)
    # times are whole µs, which adds a sixth to the variance
    assert abs(gaps.std() / gaps.mean() - 1.0) < 0.03


def test_shot_noise_does_not_depend_on_the_step():
    image = np.zeros((16, 16), np.float32)
    found = []
    for step_us in (500, 1000, 20_000):
        sensor = Sensor(SensorModel(noise=50.0, leak=0.0), image, seed=4, step_us=step_us)
        for _ in range(200_000 // step_us):
            sensor.advance(image, NOWHERE)
        found.append(sensor.take().records.tobytes())
    assert found[0] == found[1] == found[2]


def test_leak_is_on_only_and_has_the_rate_asked_for():
    events = still(4.0, leak=3.0)
    assert (events.p == 1).all()
    # a renewal process is more regular than Poisson's
    assert within_poisson(len(events), 3.0 * SIDE * SIDE * 4.0)


@pytest.mark.parametrize("jitter", [0.0, 0.1, 0.2])
def test_leak_intervals_have_the_jitter_asked_for(jitter):
    events = still(5.0, leak=10.0, leak_jitter=jitter, side=24)
    pixel = events.y.astype(int) * 24 + events.x
    order = np.lexsort((events.t, pixel))
    same = np.diff(pixel[order]) == 0
    gaps = np.diff(events.t[order])[same]
    assert abs(gaps.mean() - 100_000) < 5 * 100_000 * max(jitter, 0.001) / np.sqrt(len(gaps)) + 300
    assert abs(gaps.std() / gaps.mean() - jitter) < 0.01


def test_leak_starts_at_a_random_phase():
    events = still(0.1, leak=10.0, leak_jitter=0.0)
    assert abs(len(events) - SIDE * SIDE) < 2
    quarters = np.bincount(events.t // 25_000, minlength=4)[:4]
    assert (np.abs(quarters - SIDE * SIDE / 4) < 5 * np.sqrt(SIDE * SIDE / 4)).all()


def test_noise_spread_is_lognormal_and_keeps_the_mean():
    events = still(10.0, noise=20.0, noise_spread=0.25)
    assert within_poisson(len(events), 20.0 * SIDE * SIDE * 10.0)
    counts = np.bincount(events.y.astype(int) * SIDE + events.x, minlength=SIDE * SIDE)
    decades = np.log10(np.maximum(counts, 1))
    assert abs(decades.std() - 0.25) < 0.02


def test_a_pixel_with_a_low_threshold_is_noisier():
    sensor = Sensor(SensorModel(noise=50.0, leak=0.0, mismatch=0.05), np.zeros((SIDE, SIDE), np.float32), seed=2)
    for _ in range(4000):
        sensor.advance(np.zeros((SIDE, SIDE), np.float32), NOWHERE)
    events = sensor.take()
    on = np.bincount((events.y.astype(int) * SIDE + events.x)[events.p == 1], minlength=SIDE * SIDE)
    assert np.corrcoef(on, 1 / sensor._pixels["on"])[0, 1] > 0.6


def test_the_alias_table_draws_in_proportion_to_weight():
    weights = np.array([0.0, 1.0, 2.0, 0.5, 7.0, 0.0, 3.0])
    table = np.empty(len(weights), noise.ALIAS_DTYPE)
    noise.alias_table(weights, table)
    drawn = np.zeros(len(weights))
    for column in range(len(weights)):
        drawn[column] += table["own"][column]
        drawn[table["other"][column]] += 1.0 - table["own"][column]
    np.testing.assert_allclose(drawn / len(weights), weights / weights.sum(), atol=1e-6)


def test_noise_respects_the_refractory_period():
    events = still(1.0, noise=500.0, leak=50.0, refractory=5000, side=8)
    pixel = events.y.astype(int) * 8 + events.x
    order = np.lexsort((events.t, pixel))
    gaps = np.diff(events.t[order])[np.diff(pixel[order]) == 0]
    assert gaps.min() >= 5000


def test_a_still_scene_without_noise_is_empty():
    events = render("still", noise=0.0, leak=0.0, duration=50_000)
    assert len(events) == 0
    assert (events.width, events.height) == (346, 260)


def test_a_sensor_of_one_pixel_has_noise_too():
    events = render("still", noise=200.0, leak=10.0, duration=1_000_000, width=1, height=1)
    assert 100 < len(events) < 300
    assert events.x.max() == events.y.max() == 0


def test_noise_adds_to_the_signal_and_does_not_disturb_it():
    quiet = render("crossing", noise=0.0, leak=0.0, refractory=0, duration=100_000, width=80, height=60)
    noisy = render("crossing", noise=5.0, leak=1.0, refractory=0, duration=100_000, width=80, height=60)
    assert noisy.labels is not None
    signal = noisy[noisy.labels == 1]
    # a shot at the very µs of a crossing hides it
    assert len(quiet) - len(signal) < 5
