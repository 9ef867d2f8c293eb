"""Two threads keep what one keeps, of any stream in any packets, and leave the same memory behind."""

from __future__ import annotations

import threading
from itertools import pairwise

import numpy as np
import pytest

import eventflow as ef
from eventflow.errors import ParameterError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.kernels import denoise, judging, mlp, support
from eventflow.kernels.second_thread import both

WIDTH, HEIGHT = 31, 17
_rng = np.random.default_rng(3)
NETWORK = mlp.Mlp(
    _rng.normal(0, 0.3, (98, 4)).astype(np.float32),
    _rng.normal(0, 0.3, 4).astype(np.float32),
    _rng.normal(0, 1, 4).astype(np.float32),
    0.1,
)
FILTERS = {
    "background_activity": lambda ev, state, window: denoise.background_activity(ev, state, window),
    "stcf": lambda ev, state, window: denoise.stcf(ev, state, window, radius=2),
    "ages": lambda ev, state, window: denoise.stcf(ev, state, window, k=3, mark=True),
    "age_polarity": lambda ev, state, window: support.age_polarity(ev, state, window, radius=2),
    "age_polarity_scores": lambda ev, state, window: support.age_polarity(ev, state, window, radius=3, mark=True),
    "time_surface": lambda ev, state, window: support.time_surface_score(ev, state, window, threshold=0.1),
    "plane_fit": lambda ev, state, window: support.plane_fit(ev, state, window, mark=True),
    "mlpf": lambda ev, state, window: mlp.mlpf(ev, state, NETWORK, window),
    "refractory": lambda ev, state, window: denoise.refractory(ev, state, window),
}


def stream(seed: int, *, back: bool = False, labels: bool = False) -> Events:
    """Return events of few pixels with bursts, pauses longer than any window, equal times, and perhaps steps back."""
    rng = np.random.default_rng(seed)
    count = 3_000
    steps = rng.choice([0, 0, 1, 3, 20, 700], count)
    steps[rng.integers(0, count, 4)] = [50_000, 3_000_000_000, 200_000, 9_000]
    if back:
        steps[rng.integers(0, count, 3)] = [-40_000, -300, -200_000]
    records = np.zeros(count, EVENT_DTYPE)
    records["t"] = np.cumsum(steps) + int(rng.choice([0, -50_000, 1_643_243_628_737_093]))
    records["x"], records["y"], records["p"] = (rng.integers(0, n, count) for n in (WIDTH, HEIGHT, 2))
    marks = rng.integers(0, 3, count).astype(np.uint8) if labels else None
    return Events(records, WIDTH, HEIGHT, labels=marks)


@pytest.fixture(autouse=True)
def small_packets_are_shared(monkeypatch):
    monkeypatch.setattr(judging, "LEAST_WORK", 30)


def outcome(name, packets, windows, threads):
    state = denoise.surface(WIDTH, HEIGHT, radius=3, threads=threads)
    found = [FILTERS[name](packet, state, window) for packet, window in zip(packets, windows, strict=True)]
    scores = [None if each.scores is None else each.scores.tolist() for each in found]
    labels = [None if each.labels is None else each.labels.tolist() for each in found]
    return [each.records.tolist() for each in found], scores, labels, state.last_events().tolist()


@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("name", FILTERS)
def test_the_same_events_are_kept(name, back):
    for seed in range(12):
        events = stream(seed, back=back, labels=seed % 3 == 0)
        rng = np.random.default_rng(seed)
        borders = [0, *sorted(rng.integers(0, len(events), 12).tolist()), len(events)]
        packets = [events[begin:end] for begin, end in pairwise(borders)]
        windows = rng.choice([1, 300, 4_000, 60_000], len(packets)).tolist() if seed % 2 else [4_000] * len(packets)
        alone, shared = (outcome(name, packets, windows, threads) for threads in (1, 2))
        assert shared == alone, f"seed {seed}"


def test_several_filters_may_use_one_memory():
    events = stream(5)
    states = [denoise.surface(WIDTH, HEIGHT, radius=2, threads=threads) for threads in (1, 2)]
    kept = []
    for state in states:
        found = []
        for number, begin in enumerate(range(0, len(events), 250)):
            packet = events[begin : begin + 250]
            found += list(FILTERS)[:4][number % 4 :][:1]
            found += FILTERS[list(FILTERS)[number % 4]](packet, state, 4_000).records.tolist()
            state.restore(state.state())
        kept.append(found)
    assert kept[0] == kept[1]


def test_each_half_is_really_judged_by_a_thread_of_its_own(monkeypatch):
    seen = []
    original = judging._judge
    monkeypatch.setattr(judging, "_judge", lambda *a: (seen.append(threading.current_thread()), original(*a))[1])
    state = denoise.surface(WIDTH, HEIGHT, threads=2)
    denoise.background_activity(stream(1), state, 1_000)
    assert len(set(seen)) == 2


def test_what_a_thread_raises_is_raised_after_both_have_ended():
    ended = threading.Event()

    def fails():
        raise ParameterError("no")

    with pytest.raises(ParameterError, match="no"):
        both(ended.set, fails)
    assert ended.is_set()
    ended.clear()
    with pytest.raises(ParameterError, match="no"):
        both(fails, ended.set)
    assert ended.is_set()
    assert both(lambda: 1, lambda: 2) == (1, 2)


def test_other_numbers_of_threads_are_refused():
    for threads in (0, 3):
        with pytest.raises(ParameterError, match=f"threads is {threads}"):
            denoise.surface(5, 5, threads=threads)


@pytest.mark.samples
@pytest.mark.parametrize("name", ["aedat/davis346_demo01.aedat4", "es/dvs.es"])
def test_real_events_are_kept_alike(samples, name):
    events = ef.read(samples / name, backwards="clamp")
    for keep in (FILTERS["background_activity"], FILTERS["stcf"], FILTERS["age_polarity"]):
        kept = []
        for threads in (1, 2):
            state = denoise.surface(events.width, events.height, radius=2, threads=threads)
            packets = [events[begin : begin + 16_384] for begin in range(0, len(events), 16_384)]
            kept.append(Events.concat([keep(packet, state, 5_000) for packet in packets]).records.tobytes())
        assert kept[0] == kept[1]
