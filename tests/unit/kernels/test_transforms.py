"""Transforms are what they say and undo each other; chance is the same however the stream is cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventflow.errors import ParameterError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.kernels import representations, transforms
from eventflow.synth import augmentation
from eventflow.testing import events

WIDTH, HEIGHT = 12, 9
quick = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def picture(stream):
    return representations.count_frame(stream)


@quick
@given(stream=events(ordered=False, labels=True, scores=True))
def test_pictures_turn_as_numpy_turns_them(stream):
    np.testing.assert_array_equal(picture(transforms.flip(stream, "x")), picture(stream)[:, :, ::-1])
    np.testing.assert_array_equal(picture(transforms.flip(stream, "y")), picture(stream)[:, ::-1])
    np.testing.assert_array_equal(picture(transforms.transpose(stream)), picture(stream).transpose(0, 2, 1))
    for quarters in range(-1, 5):
        turned = transforms.rotate(stream, quarters)
        np.testing.assert_array_equal(picture(turned), np.rot90(picture(stream), -quarters, (1, 2)))
        assert turned.labels is not None
        np.testing.assert_array_equal(turned.labels, stream.labels)
        np.testing.assert_array_equal(turned.t, stream.t)
        assert not turned.records.tobytes()[13:16].strip(b"\0")


@quick
@given(stream=events(ordered=False, labels=True))
def test_a_crop_is_a_part_of_the_picture(stream):
    found = transforms.crop(stream, 2, 3, 6, 4)
    np.testing.assert_array_equal(picture(found), picture(stream)[:, 3:7, 2:8])
    assert len(found.labels) == len(found)


@quick
@given(stream=events(ordered=False))
def test_an_affine_transform_goes_to_the_nearest_pixel(stream):
    matrix = [[0.5, 0.2, 1.0], [-0.2, 1.5, 2.0]]
    expected = [
        (t, int(np.floor(0.5 * x + 0.2 * y + 1.5)), int(np.floor(-0.2 * x + 1.5 * y + 2.5)), p)
        for t, x, y, p in stream.records.tolist()
    ]
    expected = [row for row in expected if 0 <= row[1] < WIDTH and 0 <= row[2] < HEIGHT]
    assert transforms.affine(stream, matrix).records.tolist() == expected
    assert transforms.affine(stream, [[1, 0, 0], [0, 1, 0]]).records.tobytes() == stream.records.tobytes()


def test_scaling_keeps_every_event_and_puts_middles_onto_middles():
    grid = [(0, x, y, 1) for y in range(HEIGHT) for x in range(WIDTH)]
    stream = Events(np.array(grid, EVENT_DTYPE), WIDTH, HEIGHT)
    half = transforms.scale(stream, 0.5)
    assert (half.width, half.height, len(half)) == (6, 4, len(stream))
    assert (picture(half)[1] > 0).all()
    double = transforms.scale(stream, 2)
    assert (double.width, double.height) == (24, 18)
    assert transforms.scale(double, 0.5).records.tobytes() == stream.records.tobytes()


@quick
@given(stream=events(labels=True))
def test_time_reversed_twice_is_time(stream):
    t0, t1 = (int(stream.t[0]) - 5, int(stream.t[-1]) + 7) if len(stream) else (0, 1)
    once = transforms.reverse_time(stream, t0, t1)
    assert once.ordered
    twice = transforms.reverse_time(once, t0, t1)
    assert twice.records.tobytes() == stream.records.tobytes()
    np.testing.assert_array_equal(twice.labels, stream.labels)


def test_epoch_times_are_scaled_to_the_microsecond():
    t0 = 1_643_243_628_737_093
    stream = Events(np.array([(t0, 0, 0, 1), (t0 + 1, 0, 0, 1), (t0 + 3, 0, 0, 1)], EVENT_DTYPE), 1, 1)
    assert (transforms.scale_time(stream, 2.5, origin=t0).t - t0).tolist() == [0, 2, 7]
    assert (transforms.scale_time(stream, 3, origin=0).t - 3 * t0).tolist() == [0, 3, 9]
    with pytest.raises(ParameterError, match="do not fit"):
        transforms.scale_time(stream, 1e6)


@quick
@given(stream=events(max_size=60), cut=st.integers(0, 60))
def test_chance_does_not_depend_on_packets(stream, cut):
    whole = augmentation.drop_events(stream, 0.4, seed=3, first=0)
    parts = [
        augmentation.drop_events(stream[:cut], 0.4, seed=3, first=0),
        augmentation.drop_events(stream[cut:], 0.4, seed=3, first=min(cut, len(stream))),
    ]
    assert whole.records.tobytes() == Events.concat(parts).records.tobytes()


def test_noise_has_its_rate_and_a_seed():
    made = [augmentation.noise_events(60, 40, 5.0, k, 10_000, seed=1) for k in range(-50, 50)]
    total = sum(map(len, made))
    assert 11_600 < total < 12_400  # a second of 2400 pixels at 5 Hz, within 4 sigma
    for k, noise in zip(range(-50, 50), made, strict=True):
        assert noise.ordered
        assert ((noise.t >= k * 10_000) & (noise.t < (k + 1) * 10_000)).all()
        assert (noise.labels == 2).all()
    again = augmentation.noise_events(60, 40, 5.0, 7, 10_000, seed=1)
    assert again.records.tobytes() == made[57].records.tobytes()
    assert augmentation.noise_events(60, 40, 5.0, 7, 10_000, seed=2).records.tobytes() != again.records.tobytes()
    assert len(augmentation.noise_events(60, 40, 0.0, 7, 10_000, seed=2)) == 0


def test_unusable_parameters_are_refused():
    stream = Events.empty(WIDTH, HEIGHT)
    for wrong in (
        lambda: transforms.crop(stream, 8, 0, 5, 5),
        lambda: transforms.affine(stream, [[1, 0], [0, 1]]),
        lambda: transforms.scale(stream, 0),
        lambda: augmentation.drop_events(stream, 2.0, seed=1, first=0),
    ):
        with pytest.raises(ParameterError):
            wrong()
