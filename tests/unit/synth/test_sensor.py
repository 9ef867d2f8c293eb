"""The pixel: crossings, thresholds, refractory period, low-pass."""

from __future__ import annotations

import numpy as np
import pytest

from eventflow.errors import ParameterError
from eventflow.events import SIGNAL
from eventflow.synth.sensor import Sensor, SensorModel, whole

QUIET = {"mismatch": 0.0, "noise": 0.0, "leak": 0.0, "bandwidth": 0.0, "refractory": 0, "dark": 1e-6}


def ramp(log_start, log_end, steps, model, *, width=1, height=1, step_us=1000):
    """Events of a sensor all of whose pixels go from one log intensity to another, linearly."""
    first = np.full((height, width), np.exp(log_start), np.float32)
    sensor = Sensor(model, first, step_us=step_us)
    for k in range(1, steps + 1):
        level = log_start + (log_end - log_start) * k / steps
        sensor.advance(np.full((height, width), np.exp(level), np.float32), whole(width, height))
    return sensor.take()


def model(**changes):
    return SensorModel(**(QUIET | changes))


@pytest.mark.parametrize("threshold", [0.07, 0.2, 0.33])
@pytest.mark.parametrize(("start", "end"), [(-3.0, -0.5), (-0.5, -3.0)])
def test_a_ramp_crosses_as_often_as_it_holds_thresholds(start, end, threshold):
    events = ramp(start, end, 50, model(threshold_on=threshold, threshold_off=threshold))
    assert len(events) == int(abs(end - start) / threshold)
    assert set(events.p) == {int(end > start)}
    # the k-th crossing of a linear ramp of 50 ms is at k · threshold / |slope|
    expected = np.arange(1, len(events) + 1) * threshold / abs(end - start) * 50_000
    np.testing.assert_allclose(events.t, expected, atol=2)


def test_times_do_not_depend_on_the_step():
    coarse = ramp(-3.0, -0.9, 1, model(), step_us=40_000)
    fine = ramp(-3.0, -0.9, 40, model(), step_us=1000)
    assert len(coarse) == len(fine)
    np.testing.assert_allclose(coarse.t, fine.t, atol=2)


def test_rise_and_fall_are_mirror_images():
    up, down = ramp(-3.0, -1.0, 20, model()), ramp(-1.0, -3.0, 20, model())
    assert len(up) == len(down)
    assert (up.p == 1).all()
    assert (down.p == 0).all()
    np.testing.assert_allclose(up.t, down.t, atol=2)


def test_unequal_thresholds_are_kept_apart():
    sensor_model = model(threshold_on=0.1, threshold_off=0.3)
    # half a threshold on top, so that rounding decides nothing
    assert len(ramp(-2.05, -1.0, 10, sensor_model)) == 10
    assert len(ramp(-1.0, -2.05, 10, sensor_model)) == 3


def test_below_threshold_nothing_happens_and_the_rest_is_remembered():
    first = np.full((1, 1), np.exp(-2.0), np.float32)
    sensor = Sensor(model(), first)
    for level, expected in ((-1.85, 0), (-1.75, 1), (-1.62, 1), (-1.55, 2)):
        sensor.advance(np.full((1, 1), np.exp(level), np.float32), whole(1, 1))
        assert len(sensor) == expected


def test_the_refractory_period_parts_the_events_of_a_pixel():
    events = ramp(-4.0, -0.5, 10, model(refractory=1500, threshold_on=0.05), width=3, height=2)
    for pixel in range(6):
        times = events.t[(events.y.astype(int) * 3 + events.x) == pixel]
        assert len(times) > 3
        assert np.diff(times).min() >= 1500


def test_a_pixel_reports_once_a_microsecond():
    events = ramp(-6.0, 0.0, 1, model(threshold_on=0.01), step_us=100)
    assert len(events) == len(set(events.t)) <= 100


def test_the_low_pass_lags_a_ramp_by_its_time_constant():
    bandwidth = 50.0
    fast = ramp(-1.0, -0.0, 50, model())
    slow = ramp(-1.0, -0.0, 50, model(bandwidth=bandwidth))
    brightness = (np.exp(-0.5) + 0.08) / 1.08
    tau_us = 1e6 / (2 * np.pi * bandwidth * brightness)
    lag = slow.t[2] - fast.t[2]
    assert 0.5 * tau_us < lag < 1.6 * tau_us
    assert len(slow) <= len(fast)


def test_a_low_passed_pixel_comes_to_rest():
    sensor = Sensor(model(bandwidth=200.0), np.full((4, 4), 0.2, np.float32))
    bright = np.full((4, 4), 0.8, np.float32)
    for _ in range(200):
        sensor.advance(bright, whole(4, 4))
    assert sensor._active_count == 0
    assert len(sensor.take()) == 16 * int(np.log(0.8 / 0.2) / 0.2)


def test_only_the_rectangles_are_looked_at():
    dark, bright = np.full((6, 8), 0.1, np.float32), np.full((6, 8), 0.9, np.float32)
    sensor = Sensor(model(), dark)
    sensor.advance(bright, np.array([[2, 1, 4, 3], [3, 2, 5, 4], [0, 0, 0, 0]]))
    events = sensor.take()
    seen = {(int(x), int(y)) for x, y in zip(events.x, events.y, strict=True)}
    assert seen == {(x, y) for x in (2, 3) for y in (1, 2)} | {(x, y) for x in (3, 4) for y in (2, 3)}


def test_rectangles_that_overlap_count_a_pixel_once():
    dark, bright = np.full((3, 3), 0.1, np.float32), np.full((3, 3), 0.9, np.float32)
    once, twice = (Sensor(model(bandwidth=300.0), dark) for _ in range(2))
    for _ in range(30):
        once.advance(bright, whole(3, 3))
        twice.advance(bright, np.repeat(whole(3, 3), 3, axis=0))
    assert once.take().records.tobytes() == twice.take().records.tobytes()


def test_mismatch_spreads_the_thresholds():
    sensor = Sensor(model(mismatch=0.03), np.full((200, 200), 0.5, np.float32), seed=3)
    for name in ("on", "off"):
        thresholds = sensor._pixels[name]
        assert abs(thresholds.mean() - 0.2) < 4 * 0.03 / 200
        assert abs(thresholds.std() - 0.03) < 4 * 0.03 / np.sqrt(2 * 40_000)
    assert abs(np.corrcoef(sensor._pixels["on"], sensor._pixels["off"])[0, 1]) < 0.02


def test_a_step_with_more_crossings_than_expected_loses_none():
    black, white = np.zeros((40, 40), np.float32), np.ones((40, 40), np.float32)
    sensor = Sensor(model(threshold_on=0.01), black, step_us=100_000)
    sensor.advance(white, whole(40, 40))
    assert len(sensor.take()) == 1600 * int(np.log(1.000001 / 1e-6) / 0.01)


def test_events_are_in_order_in_range_and_labelled():
    events = ramp(-3.0, -0.2, 7, model(mismatch=0.05), width=17, height=5)
    assert (np.diff(events.t) >= 0).all()
    assert events.x.max() == 16
    assert events.y.max() == 4
    assert events.labels is not None
    assert (events.labels == SIGNAL).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"threshold_on": 0.0},
        {"threshold_off": -1.0},
        {"noise": -1.0},
        {"dark": 0.0},
        {"leak": float("nan")},
        {"bandwidth": float("inf")},
    ],
)
def test_impossible_sensors_are_refused(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        SensorModel(**wrong)
