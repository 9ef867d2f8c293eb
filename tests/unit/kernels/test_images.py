"""Images from events: intensity follows its equation, flicker has its frequency, a learned kernel its formula."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventflow.events import EVENT_DTYPE, Events
from eventflow.kernels.complementary import ComplementaryFilter
from eventflow.kernels.vibration import FrequencyMap
from eventflow.testing import events

WIDTH, HEIGHT = 12, 9
quick = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(stream=events(), cut=st.integers(0, 60), with_frame=st.booleans())
def test_the_complementary_filter_is_its_equation(stream, cut, with_frame):
    filter_ = ComplementaryFilter(WIDTH, HEIGHT, contrast=0.2, tau=5_000)
    base = np.full((HEIGHT, WIDTH), math.log(0.5))
    level, times = base.copy(), np.full((HEIGHT, WIDTH), -np.inf)

    def fade(y, x, t):
        return base[y, x] + (level[y, x] - base[y, x]) * math.exp(-(t - times[y, x]) / 5_000)

    for part, begin in ((stream[:cut], True), (stream[cut:], False)):
        if not begin and with_frame and len(part):
            t, image = int(part.t[0]), np.arange(HEIGHT * WIDTH, dtype=np.uint8).reshape(HEIGHT, WIDTH)
            filter_.set_frame(image, t)
            level = np.array([[fade(y, x, t) for x in range(WIDTH)] for y in range(HEIGHT)])
            times[:] = t
            base = np.log((image + 1.0) / 256)
        filter_.push(part)
        for t, x, y, p in part.records.tolist():
            level[y, x] = fade(y, x, t) + (0.2 if p else -0.2)
            times[y, x] = t
    t1 = int(stream.t[-1]) + 700 if len(stream) else 0
    expected = [[fade(y, x, t1) for x in range(WIDTH)] for y in range(HEIGHT)]
    np.testing.assert_allclose(filter_.levels(t1).reshape(HEIGHT, WIDTH), expected, atol=1e-6)
    image = filter_.image(t1)
    assert image.dtype == np.uint8
    if not len(stream):
        assert (image == 127).all()


def test_a_lamp_has_its_frequency_and_stops():
    period = 10_000
    rows = []
    for k in range(20):
        rows += [(k * period + step, 3, 2, 1) for step in (0, 40, 90)]
        rows += [(k * period + period // 2 + step, 3, 2, 0) for step in (0, 60)]
    rows += [(k * 700 + (k * 37) % 311, 5, 5, k % 2) for k in range(200)]
    stream = Events(np.array(sorted(rows), EVENT_DTYPE), WIDTH, HEIGHT)
    flicker = FrequencyMap(WIDTH, HEIGHT, lowest=20)
    flicker.push(stream)
    found = flicker.hertz(200_000)
    assert found[0, 2, 3] == pytest.approx(100.0)
    assert np.count_nonzero(found) <= 2
    assert not flicker.hertz(10_000_000).any()


def test_an_event_spike_tensor_with_the_trilinear_kernel_is_a_voxel_grid_of_times():
    torch = pytest.importorskip("torch")
    from eventflow.kernels.est import EventSpikeTensor

    stream = Events(np.array([(0, 1, 1, 1), (250, 3, 2, 0), (600, 3, 2, 1), (1_000, 0, 8, 0)], EVENT_DTYPE), WIDTH, 9)
    layer = EventSpikeTensor(3, learned=False)
    expected = np.zeros((2, 3, HEIGHT, WIDTH))
    for t, x, y, p in stream.records.tolist():
        for b in range(3):
            expected[p, b, y, x] += t / 1_000 * max(0, 1 - 2 * abs(t / 1_000 - b / 2))
    np.testing.assert_allclose(layer(stream, 0, 1_000).numpy(), expected.reshape(6, HEIGHT, WIDTH), atol=1e-6)
    learned = EventSpikeTensor(3)
    before = learned.begin_trilinear(steps=1)
    assert learned.begin_trilinear(steps=60) < before
    learned(stream, 0, 1_000).sum().backward()
    assert all(torch.isfinite(weight.grad).all() for weight in learned.parameters())
    assert not EventSpikeTensor(3, learned=False)(Events.empty(2, 2), 5, 5).any()


def test_a_learned_kernel_survives_its_file(tmp_path):
    pytest.importorskip("torch")
    from eventflow.kernels.est import EventSpikeTensor

    stream = Events(np.array([(250, 3, 2, 0), (600, 3, 2, 1)], EVENT_DTYPE), WIDTH, HEIGHT)
    one, other = EventSpikeTensor(4, seed=1), EventSpikeTensor(4, seed=2)
    one.save(tmp_path / "kernel.npz")
    assert not (one(stream, 0, 999) == other(stream, 0, 999)).all()
    other.load(tmp_path / "kernel.npz")
    assert (one(stream, 0, 999) == other(stream, 0, 999)).all()
