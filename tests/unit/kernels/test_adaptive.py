"""The adaptive denoiser: its features are their equations, its results do not depend on packets."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import eventflow as ef
from eventflow.errors import ParameterError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.kernels import adaptive
from eventflow.kernels import adaptive_loops as loops
from eventflow.score.roc import roc
from eventflow.synth.injection import with_noise
from eventflow.testing import cuts, events

quick = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def sums_of(stream: Events) -> list[list[float]]:
    """Return the square roots of the sums over the rings, as the text of the module has them."""
    last: dict[tuple[int, int], tuple[int, int]] = {}
    found = []
    for t, x, y, p in stream.records.tolist():
        sums = np.zeros((4, 2, len(loops.TAUS)))
        for (i, j), (u, q) in last.items():
            ring = max(abs(i - x), abs(j - y))
            if ring <= 3:
                sums[ring, int(p != q)] += [max(0.0, 1 - abs(t - u) / tau) for tau in loops.TAUS]
        last[x, y] = t, p
        found.append(np.sqrt(sums).ravel().tolist())
    return found


@pytest.mark.parametrize("ordered", [True, False])
def test_features_are_their_equation(ordered):
    @quick
    @given(stream=events(ordered=ordered, max_size=150))
    def check(stream):
        rows = adaptive.features(stream, adaptive.memory(stream.width, stream.height))
        expected = np.array(sums_of(stream)).reshape(len(stream), loops.SUMS)
        np.testing.assert_allclose(rows[:, : loops.SUMS], expected, rtol=1e-5, atol=1e-5)

    check()


def test_features_know_the_pixels_own_past():
    records = np.zeros(4, EVENT_DTYPE)
    records["t"], records["x"], records["y"] = [0, 50_000, 100_000, 10_000_000], 5, 5
    rows = adaptive.features(Events(records, 12, 9), adaptive.memory(12, 9))
    assert rows[:, loops.SUMS + 2].tolist() == pytest.approx([0.0, 0.8, 1.6, 0.0])
    busy = rows[:, loops.SUMS + 5] ** 2
    assert busy.tolist() == pytest.approx([0.0, 0.75, 0.75 * 1.75, 0.0])


@quick
@given(stream=events(max_size=300, ordered=False), sizes=cuts())
def test_packets_do_not_matter(stream, sizes):
    def run(cut, mark):
        state, found, begin = adaptive.memory(stream.width, stream.height), [], 0
        while begin < len(stream):
            for size in cut:
                packet = adaptive.adaptive(stream[begin : begin + size], state, mark=mark)
                found += packet.scores.tolist() if mark else packet.records.tolist()
                begin += size
        return found

    assert run(sizes, True) == run([1 << 20], True)
    assert run(sizes, False) == run([1 << 20], False)


@pytest.mark.samples
@pytest.mark.parametrize("name", ["aedat/davis346_demo01.aedat4", "es/dvs.es"])
def test_real_events_in_any_packets(samples, name):
    stream = ef.read(samples / name, backwards="clamp")[:60_000]

    def scores(size):
        state = adaptive.memory(stream.width, stream.height)
        packets = [stream[begin : begin + size] for begin in range(0, len(stream), size)]
        return np.concatenate([adaptive.adaptive(packet, state, mark=True).scores for packet in packets])

    whole = scores(len(stream))
    for size in (1, 100, 10_000):
        np.testing.assert_array_equal(scores(size), whole)


def test_it_goes_on_from_its_state():
    stream = with_noise(ef.synth.render("crossing", seed=2, duration=40_000, noise=0.0, leak=0.0), noise=20.0)
    first, second = stream[: len(stream) // 2], stream[len(stream) // 2 :]
    state, other = (adaptive.memory(stream.width, stream.height) for _ in range(2))
    adaptive.adaptive(first, state)
    other.restore(state.state())
    a, b = (adaptive.adaptive(second, each, mark=True).scores for each in (state, other))
    np.testing.assert_array_equal(a, b)


def test_signal_and_noise_of_an_unseen_scene_are_told_apart():
    clean = ef.synth.render("occlusion", seed=9, duration=300_000, noise=0.0, leak=0.0)
    noisy = with_noise(clean, seed=5, noise=5.0)
    marked = adaptive.adaptive(noisy, adaptive.memory(noisy.width, noisy.height), mark=True)
    assert roc(marked.scores, noisy.labels).auc > 0.97
    kept = adaptive.adaptive(noisy, adaptive.memory(noisy.width, noisy.height))
    assert (kept.labels == 1).mean() > (noisy.labels == 1).mean()


def test_strange_sensors_and_times():
    for width, height in ((1, 1), (1280, 720)):
        records = np.zeros(500, EVENT_DTYPE)
        records["t"] = np.concatenate([np.arange(200), np.arange(200) + 3_600_000_000, np.full(100, -5)])
        records["x"], records["y"] = width - 1, height - 1
        stream = Events(records, width, height)
        marked = adaptive.adaptive(stream, adaptive.memory(width, height), mark=True)
        assert all(math.isfinite(score) for score in marked.scores.tolist())
        assert len(adaptive.adaptive(Events.empty(width, height), adaptive.memory(width, height))) == 0


def test_unusable_parameters_are_refused():
    stream = Events.empty(9, 7)
    with pytest.raises(ParameterError, match="9x7"):
        adaptive.adaptive(stream, adaptive.memory(7, 9))
    small = adaptive.Network(*(np.zeros(2, np.float32),) * 3, np.float32(0))
    with pytest.raises(ParameterError, match="network has shapes"):
        adaptive.adaptive(stream, adaptive.memory(9, 7), network=small)
