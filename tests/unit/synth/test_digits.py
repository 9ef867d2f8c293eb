"""Digits: every hand its own, the same for one seed, seen where they are drawn."""

from __future__ import annotations

import numpy as np
import pytest

import eventflow as ef
from eventflow.synth.digits import Digit

SMALL = {"width": 34, "height": 34}


def test_a_seed_chooses_the_digit_and_all_ten_come():
    shown = [Digit(seed=seed, **SMALL).shown for seed in range(200)]
    assert set(shown) == set(range(10))
    assert shown == [Digit(seed=seed, **SMALL).shown for seed in range(200)]
    assert Digit(seed=3, digit=7, **SMALL).truth(5).label == 7


@pytest.mark.parametrize("digit", range(10))
def test_a_digit_lies_inside_the_view_at_all_times(digit):
    scene = Digit(seed=digit, digit=digit, **SMALL)
    for t in range(0, 300_001, 25_000):
        scene.draw(t)
        dark = scene.image.min()
        assert scene.image.max() > 2 * dark
        border = np.concatenate([scene.image[0], scene.image[-1], scene.image[:, 0], scene.image[:, -1]])
        assert (border == dark).all()


def test_three_jumps_come_back_to_where_they_began():
    scene = Digit(seed=4, **SMALL)
    before = scene.image.copy()
    scene.draw(100_000)
    assert not np.array_equal(scene.image, before)
    scene.draw(300_000)
    np.testing.assert_array_equal(scene.image, before)


def test_every_seed_writes_by_its_own_hand():
    images = [Digit(seed=seed, digit=1, **SMALL).image for seed in range(8)]
    assert len({image.tobytes() for image in images}) == 8


def test_as_many_events_as_a_real_recording_has():
    counts = [len(ef.synth.render("digit", digit=d, seed=d, duration=300_000, **SMALL)) for d in range(10)]
    assert 2000 < np.mean(counts) < 8000
