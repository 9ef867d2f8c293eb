"""Every denoiser does exactly what its docstring says: slow references, random and real events, any packets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import slow_denoisers as references
from hypothesis import HealthCheck, given, settings

import eventflow as ef
from eventflow.digest import content_hash
from eventflow.errors import ParameterError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.kernels import blocks, crossings, denoise, mlp, pixel_filters, selection, support
from eventflow.testing import cuts, events

quick = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def network(seed: int = 0) -> mlp.Mlp:
    rng = np.random.default_rng(seed)
    w1 = rng.normal(0, 0.3, (98, 20)).astype(np.float32)
    return mlp.Mlp(w1, rng.normal(0, 0.3, 20).astype(np.float32), rng.normal(0, 1, 20).astype(np.float32), 0.1)


NETWORK = network()


def wide(surface):
    surface._widen()
    return surface


@dataclass(frozen=True)
class Filter:
    """A filter as `make(width, height) -> run(events, mark)`, and `truth(events) -> (scores, kept)`."""

    make: Any
    truth: Any
    exact: bool = True


def surfaced(call, radius):
    def make(width, height):
        state = denoise.surface(width, height, radius=radius)
        return lambda ev, mark: call(ev, state, mark)

    return make


def bursts(rule):
    def make(width, height):
        state, places = denoise.surface(width, height, radius=0), np.zeros((height, width), np.uint8)
        return lambda ev, mark: pixel_filters.bursts(ev, state, places, 4_000, rule=rule, mark=mark)

    return make


def in_bursts(low, high):
    def truth(ev):
        found = references.burst_places(ev, 4_000)
        return found, [low <= each <= high for each in found]

    return truth


def banded(low, high, keep):
    def truth(ev):
        found = references.intervals(ev)
        shortest, longest = 0 if high is None else 1e6 / high, np.inf if low is None else 1e6 / low
        inside = [shortest <= each <= longest if np.isfinite(each) else low is None for each in found]
        return found, [each == (keep == "inside") for each in inside]

    return Filter(surfaced(lambda ev, s, mark: pixel_filters.band(ev, s, low, high, keep=keep, mark=mark), 0), truth)


def held(memory, call):
    def make(width, height):
        state = memory(width, height)
        return lambda ev, mark: call(ev, state, mark)

    return make


def judged(scores, keep):
    return lambda ev: (lambda found: (found, [keep(each) for each in found]))(scores(ev))


FILTERS = {
    "hot_pixel": Filter(
        surfaced(lambda ev, s, mark: pixel_filters.hot_pixel(ev, s, 150.0, 3, mark=mark), 0),
        lambda ev: references.hot_pixel(ev, 150.0, 3),
    ),
    "trail": Filter(bursts("first"), in_bursts(1, 1)),
    "stc_cut": Filter(bursts("second"), in_bursts(2, 2)),
    "stc_keep": Filter(bursts("from_second"), in_bursts(2, 3)),
    "low_pass": banded(None, 100.0, "inside"),
    "high_pass": banded(100.0, None, "inside"),
    "band_cut": banded(50.0, 2_000.0, "outside"),
    "anti_flicker": Filter(
        held(
            pixel_filters.flicker_memory,
            lambda ev, m, mark: pixel_filters.anti_flicker(ev, m, 20.0, 5_000.0, start=2, stop=1, mark=mark),
        ),
        lambda ev: references.flickers(ev, 20.0, 5_000.0, 2, 1),
    ),
    "knoise": Filter(
        held(crossings.crossing_memory, lambda ev, m, mark: crossings.crossings(ev, m, 3_000, mark=mark)),
        judged(lambda ev: references.crossing_ages(ev, True, False), lambda age: age < 3_000),
    ),
    "order_n_own": Filter(
        held(
            crossings.crossing_memory,
            lambda ev, m, mark: crossings.crossings(ev, m, 3_000, polarity=False, own=True, mark=mark),
        ),
        judged(lambda ev: references.crossing_ages(ev, False, True), lambda age: age < 3_000),
    ),
    "fast_decay": Filter(
        held(
            lambda w, h: blocks.decay_memory(w, h, 3),
            lambda ev, m, mark: blocks.fast_decay(ev, m, 5_000, block=3, threshold=1.3, mark=mark),
        ),
        judged(lambda ev: references.decayed_counts(ev, 5_000, 3), lambda count: count > 1.3),
        exact=False,
    ),
    "double_window": Filter(
        held(
            lambda w, h: blocks.window_memory(4),
            lambda ev, m, mark: blocks.double_window(ev, m, radius=3, k=2, mark=mark),
        ),
        lambda ev: references.window_distances(ev, 4, 3, 2),
    ),
    "age_polarity": Filter(
        surfaced(lambda ev, s, mark: support.age_polarity(ev, s, 4_000, radius=3, threshold=1.0, mark=mark), 3),
        judged(lambda ev: references.age_polarity_sums(ev, 4_000, 3), lambda total: total >= 1.0),
    ),
    "age_polarity_wide": Filter(
        lambda w, h: (lambda state: lambda ev, mark: support.age_polarity(ev, state, 4_000, radius=2, mark=mark))(
            wide(denoise.surface(w, h, radius=4))
        ),
        judged(lambda ev: references.age_polarity_sums(ev, 4_000, 2), lambda total: total >= 1.0),
    ),
    "multi_event": Filter(
        held(
            lambda w, h: support.history(w, h, 2),
            lambda ev, m, mark: support.multi_event_age_polarity(ev, m, 20_000, radius=2, threshold=2.0, mark=mark),
        ),
        judged(lambda ev: references.age_polarity_sums(ev, 20_000, 2, depth=3), lambda total: total >= 2.0),
    ),
    "time_surface": Filter(
        surfaced(lambda ev, s, mark: support.time_surface_score(ev, s, 3_000, radius=2, mark=mark), 2),
        judged(lambda ev: references.surface_means(ev, 3_000, 2), lambda mean: mean > 0.2),
        exact=False,
    ),
    "event_flow": Filter(
        surfaced(lambda ev, s, mark: support.plane_fit(ev, s, 9_000, radius=2, max_speed=900.0, mark=mark), 2),
        judged(lambda ev: references.plane_speeds(ev, 9_000, 2), lambda speed: speed <= 900.0),
        exact=False,
    ),
    "mlpf": Filter(
        surfaced(lambda ev, s, mark: mlp.mlpf(ev, s, NETWORK, 9_000, mark=mark), 3),
        judged(lambda ev: references.mlp_logits(ev, NETWORK, 9_000), lambda logit: logit > 0.0),
        exact=False,
    ),
}


def run(name: str, stream: Events, sizes: list[int], mark: bool) -> list[Events]:
    keep = FILTERS[name].make(stream.width, stream.height)
    begin, found = 0, []
    while begin < len(stream):
        for size in sizes:
            found.append(keep(stream[begin : begin + size], mark))
            begin += size
    return found


def check(name: str, stream: Events, sizes: list[int]) -> None:
    scores, kept = FILTERS[name].truth(stream)
    marked = [score for packet in run(name, stream, sizes, mark=True) for score in packet.scores.tolist()]
    if FILTERS[name].exact:
        assert marked == np.array(scores, np.float32).tolist()
    else:
        np.testing.assert_allclose(marked, scores, rtol=2e-4, atol=2e-4)
    found = [row for packet in run(name, stream, sizes, mark=False) for row in packet.records.tolist()]
    assert found == [row for row, keep in zip(stream.records.tolist(), kept, strict=True) if keep]


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_is_its_equation(name, ordered):
    @quick
    @given(stream=events(ordered=ordered, max_size=100), sizes=cuts())
    def on(stream, sizes):
        check(name, stream, sizes)

    on()


def crowd(t: np.ndarray, width: int, height: int, seed: int = 0) -> Events:
    rng = np.random.default_rng(seed)
    records = np.zeros(len(t), EVENT_DTYPE)
    records["t"], records["p"] = t, rng.integers(0, 2, len(t))
    # many on the border
    records["x"] = np.clip(rng.integers(-3, width + 3, len(t)), 0, width - 1)
    records["y"] = np.clip(rng.integers(-3, height + 3, len(t)), 0, height - 1)
    return Events(records, width, height)


HOUR, EPOCH = 3_600_000_000, 1_643_243_628_737_093
STEADY = np.arange(300, dtype=np.int64) * 700
TIMES = {
    "equal": np.full(300, 5_000, np.int64),
    "back": np.concatenate([STEADY[:150], STEADY[:150] - 60_000]),
    "an_hour_ahead": np.concatenate([STEADY[:150], STEADY[:150] + HOUR, STEADY[150:]]),
    "epoch": STEADY + EPOCH,
    "before_zero": STEADY - 100_000,
}


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("name", FILTERS)
def test_strange_times_are_filtered_like_others(name, times):
    check(name, crowd(TIMES[times], 9, 7), [17])


@pytest.mark.parametrize("size", [(1, 1), (1280, 720), (2, 300)])
@pytest.mark.parametrize("name", FILTERS)
def test_any_sensor(name, size):
    check(name, crowd(STEADY, *size), [1 << 20])
    assert sum(map(len, run(name, Events.empty(*size), [1], mark=False))) == 0


@pytest.mark.parametrize("name", FILTERS)
def test_a_pixel_of_100_khz(name):
    stream = crowd(np.arange(600, dtype=np.int64) * 10, 5, 5, seed=3)
    records = stream.records.copy()
    records["x"][::2], records["y"][::2] = 4, 0
    check(name, Events(records, 5, 5), [100])


@pytest.mark.samples
@pytest.mark.parametrize("recording", ["aedat/davis346_demo01.aedat4", "es/dvs.es"])
@pytest.mark.parametrize("name", FILTERS)
def test_real_events_in_any_packets(samples, name, recording):
    stream = ef.read(samples / recording, backwards="clamp")
    check(name, stream[:1_500], [400])
    part = stream[:60_000]
    whole = content_hash(run(name, part, [len(part)], mark=False))
    assert [content_hash(run(name, part, [size], mark=False)) for size in (1, 100, 10_000)] == [whole] * 3
    marked = content_hash(run(name, part, [len(part)], mark=True))
    assert content_hash(run(name, part, [777], mark=True)) == marked


@pytest.mark.parametrize("name", FILTERS)
def test_labels_go_with_their_events(name):
    stream = crowd(STEADY, 9, 7)
    labels = np.arange(len(stream), dtype=np.uint8) % 3
    plain = run(name, stream, [1 << 20], mark=False)[0]
    labelled = run(name, stream.with_columns(labels=labels), [1 << 20], mark=False)[0]
    assert labelled.records.tolist() == plain.records.tolist()
    _, kept = FILTERS[name].truth(stream)
    assert labelled.labels.tolist() == labels[np.array(kept)].tolist()


def test_a_hot_pixel_is_silenced_and_heard_again():
    records = np.zeros(2_001, EVENT_DTYPE)
    records["t"][:2_000] = np.arange(2_000) * 10  # 100 kHz
    records["t"][2_000] = 20_000 + 1_000_000
    keep = pixel_filters.hot_pixel(Events(records, 3, 3), denoise.surface(3, 3), 200.0, 50)
    assert keep.t.tolist()[:3] == [0, 10, 20]
    assert len(keep) == 51
    assert keep.t.tolist()[-1] == 1_020_000


def test_polarity_region_and_mask():
    stream = crowd(STEADY, 9, 7).with_columns(labels=np.ones(300, np.uint8))
    for each in (stream, Events(stream.records, 9, 7)):
        assert set(selection.of_polarity(each, "off").p.tolist()) == {0}
        inside = selection.inside_mask(each, selection.region_mask(9, 7, 2, 1, 3, 4))
        expected = [row for row in each.records.tolist() if 2 <= row[1] < 5 and 1 <= row[2] < 5]
        assert inside.records.tolist() == expected


def test_undistortion_is_that_of_opencv():
    import cv2

    camera = np.array([[20.0, 0, 15.5], [0, 21.0, 11.5], [0, 0, 1]])
    lens = [-0.35, 0.1, 0.001, -0.002, 0.01]
    stream = crowd(STEADY, 32, 24).with_columns(labels=np.arange(300, dtype=np.uint8) % 3)
    moved = selection.undistort(stream, selection.undistortion(32, 24, camera, lens))
    pixels = np.column_stack([stream.x, stream.y]).astype(np.float64)[:, None]
    ideal = np.floor(cv2.undistortPoints(pixels, camera, np.array(lens), P=camera)[:, 0] + 0.5)
    inside = (ideal >= 0).all(axis=1) & (ideal[:, 0] < 32) & (ideal[:, 1] < 24)
    assert 0 < inside.sum() < 300
    assert np.column_stack([moved.x, moved.y]).tolist() == ideal[inside].astype(int).tolist()
    assert moved.t.tolist() == stream.t[inside].tolist()
    assert moved.labels.tolist() == stream.labels[inside].tolist()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda ev: pixel_filters.hot_pixel(ev, denoise.surface(9, 7), 0.0, 5), "rate is 0"),
        (lambda ev: pixel_filters.band(ev, denoise.surface(9, 7), 100.0, 50.0), "band is empty"),
        (lambda ev: pixel_filters.anti_flicker(ev, pixel_filters.flicker_memory(9, 7), 9.0, 5.0), "band is 9"),
        (lambda ev: crossings.crossings(ev, crossings.crossing_memory(7, 9)[1:], 5), "crossing_memory"),
        (lambda ev: blocks.fast_decay(ev, blocks.decay_memory(9, 7, 2), 5), "decay_memory"),
        (lambda ev: blocks.double_window(ev, blocks.window_memory(2), k=9), "k is 9"),
        (lambda ev: support.age_polarity(ev, denoise.surface(9, 7), 5, radius=2), "radius=2"),
        (lambda ev: support.age_polarity(ev, denoise.surface(9, 7), 1 << 28), "window is"),
        (lambda ev: mlp.mlpf(ev, denoise.surface(9, 7, radius=3), NETWORK, 5, threshold=1.0), "threshold is 1"),
        (lambda ev: selection.of_polarity(ev, "both"), "'both'"),
        (lambda ev: selection.region_mask(9, 7, 9, 0, 2, 2), "no pixel"),
        (lambda ev: selection.undistortion(9, 7, np.eye(3), [1.0]), "1 distortion"),
    ],
)
def test_unusable_parameters_are_refused(call, message):
    with pytest.raises(ParameterError, match=message):
        call(crowd(STEADY, 9, 7))
