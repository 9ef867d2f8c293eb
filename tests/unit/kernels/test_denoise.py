"""The filters do exactly what their docstrings' loops say, however the stream is cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventflow.errors import ParameterError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.kernels import denoise
from eventflow.testing import cuts, events

WIDTH, HEIGHT = 12, 9
quick = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def packets(stream: Events, sizes: list[int]) -> list[Events]:
    found, begin = [], 0
    while begin < len(stream):
        for size in sizes:
            found.append(stream[begin : begin + size])
            begin += size
    return found


def ages_of(stream: Events, k: int, radius: int, polarity: bool) -> list[float]:
    last: dict[tuple[int, int], tuple[int, int]] = {}
    found = []
    for t, x, y, p in stream.records.tolist():
        near = [
            abs(t - last[i, j][0])
            for i in range(x - radius, x + radius + 1)
            for j in range(y - radius, y + radius + 1)
            if (i, j) != (x, y) and (i, j) in last and (not polarity or last[i, j][1] == p)
        ]
        found.append(sorted(near)[k - 1] if len(near) >= k else float("inf"))
        last[x, y] = t, p
    return found


def made(rows: list[tuple[int, int, int, int]], width: int = WIDTH, height: int = HEIGHT) -> Events:
    return Events(np.array(rows, EVENT_DTYPE), width, height)


@pytest.mark.parametrize("ordered", [True, False])
def test_background_activity_is_its_equation(ordered):
    @quick
    @given(stream=events(ordered=ordered, max_size=120), sizes=cuts(), window=st.sampled_from([1, 31, 5_000]))
    def check(stream, sizes, window):
        state = denoise.surface(WIDTH, HEIGHT, radius=2)
        kept = [denoise.background_activity(packet, state, window) for packet in packets(stream, sizes)]
        expected = stream[np.array(ages_of(stream, 1, 1, False)) < window]
        assert [row for packet in kept for row in packet.records.tolist()] == expected.records.tolist()

    check()


@pytest.mark.parametrize("ordered", [True, False])
def test_stcf_is_its_equation(ordered):
    @quick
    @given(
        stream=events(ordered=ordered, max_size=120),
        sizes=cuts(),
        window=st.sampled_from([1, 31, 5_000]),
        k=st.integers(1, 4),
        radius=st.integers(1, 3),
        polarity=st.booleans(),
    )
    def check(stream, sizes, window, k, radius, polarity):
        kept, scores = [], []
        state, marking = denoise.surface(WIDTH, HEIGHT, radius=3), denoise.surface(WIDTH, HEIGHT, radius=3)
        options = {"k": k, "radius": radius, "polarity": polarity}
        for packet in packets(stream, sizes):
            kept += denoise.stcf(packet, state, window, **options).records.tolist()
            marked = denoise.stcf(packet, marking, window, mark=True, **options)
            assert marked.records.tolist() == packet.records.tolist()
            scores += marked.scores.tolist()
        ages = ages_of(stream, k, radius, polarity)
        assert kept == stream[np.array(ages) < window].records.tolist()
        assert scores == np.array(ages, np.float32).tolist()
        np.testing.assert_array_equal(state.last_events(), marking.last_events())

    check()


@pytest.mark.parametrize("ordered", [True, False])
def test_refractory_is_its_equation(ordered):
    @quick
    @given(
        stream=events(ordered=ordered, max_size=120),
        sizes=cuts(),
        period=st.sampled_from([1, 31, 5_000]),
        rule=st.sampled_from(["kept", "all"]),
    )
    def check(stream, sizes, period, rule):
        last: dict[tuple[int, int], int] = {}
        expected, ages = [], []
        for t, x, y, p in stream.records.tolist():
            age = abs(t - last[x, y]) if (x, y) in last else float("inf")
            ages.append(age)
            if age >= period:
                expected.append((t, x, y, p))
            if age >= period or rule == "all":
                last[x, y] = t
        state, marking = denoise.surface(WIDTH, HEIGHT, radius=0), denoise.surface(WIDTH, HEIGHT, radius=2)
        kept, scores = [], []
        for packet in packets(stream, sizes):
            kept += denoise.refractory(packet, state, period, rule=rule).records.tolist()
            scores += denoise.refractory(packet, marking, period, rule=rule, mark=True).scores.tolist()
        assert kept == expected
        assert scores == np.array(ages, np.float32).tolist()

    check()


def test_window_is_open_at_both_ends():
    stream = made([(1_000, 4, 4, 1), (1_100, 5, 4, 0), (1_199, 4, 4, 1)])
    assert denoise.background_activity(stream, denoise.surface(WIDTH, HEIGHT), 100).t.tolist() == [1_199]
    assert denoise.background_activity(stream, denoise.surface(WIDTH, HEIGHT), 101).t.tolist() == [1_100, 1_199]


def test_a_hot_pixel_does_not_support_itself():
    stream = made([(t, 4, 4, 1) for t in range(0, 1_000, 10)])
    assert len(denoise.background_activity(stream, denoise.surface(WIDTH, HEIGHT), 500)) == 0


def test_the_first_microseconds_need_support_too():
    stream = made([(0, 0, 0, 1), (5, 9, 8, 1)])
    assert len(denoise.background_activity(stream, denoise.surface(WIDTH, HEIGHT), 5_000)) == 0


def test_rows_do_not_touch_round_the_border():
    stream = made([(10, WIDTH - 1, 3, 1), (11, 0, 4, 1), (12, 0, 0, 1), (13, WIDTH - 1, HEIGHT - 1, 1)])
    assert len(denoise.background_activity(stream, denoise.surface(WIDTH, HEIGHT), 5_000)) == 0


def test_equal_times_support_each_other():
    stream = made([(77, 4, 4, 1), (77, 5, 4, 1)])
    assert denoise.background_activity(stream, denoise.surface(WIDTH, HEIGHT), 1).x.tolist() == [5]


def test_a_step_back_supports_nothing_until_times_meet_again():
    stream = made([(10_000_000, 4, 4, 1), (1_000, 5, 4, 1), (1_010, 4, 4, 1)])
    assert denoise.background_activity(stream, denoise.surface(WIDTH, HEIGHT), 100).t.tolist() == [1_010]


def test_times_since_the_epoch_lose_nothing():
    epoch = 1_643_243_628_737_093
    stream = made([(epoch, 4, 4, 1), (epoch + 4_999, 5, 4, 1), (epoch + 10_000, 4, 4, 1)])
    kept = denoise.background_activity(stream, denoise.surface(WIDTH, HEIGHT), 5_000)
    assert kept.t.tolist() == [epoch + 4_999]


def test_labels_go_with_their_events():
    rows = [(1, 4, 4, 1), (2, 5, 4, 0), (3, 0, 0, 1)]
    stream = made(rows).with_columns(labels=np.array([1, 1, 2], np.uint8))
    state = denoise.surface(WIDTH, HEIGHT)
    assert denoise.background_activity(stream, state, 100).labels.tolist() == [1]
    assert denoise.stcf(stream, denoise.surface(WIDTH, HEIGHT), 100, k=1, polarity=False).labels.tolist() == [1]
    assert denoise.refractory(stream, denoise.surface(WIDTH, HEIGHT), 100).labels.tolist() == [1, 1, 2]


def test_marking_keeps_everything_and_ranks_as_the_filter_decides():
    stream = made([(1, 4, 4, 1), (4, 5, 4, 0), (5, 0, 0, 1)])
    marked = denoise.background_activity(stream, denoise.surface(WIDTH, HEIGHT), 2, mark=True)
    assert marked.scores.tolist() == [np.inf, 3.0, np.inf]


def test_a_small_rest_does_not_hold_its_packet():
    stream = made([(t, 2 * t % WIDTH, 0, 1) for t in range(100)])
    kept = denoise.refractory(stream, denoise.surface(WIDTH, HEIGHT), 1 << 40)
    assert len(kept) == WIDTH // 2
    base = kept.records
    while isinstance(base.base, np.ndarray):
        base = base.base
    assert base.nbytes == kept.records.nbytes


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda ev: denoise.background_activity(ev, denoise.surface(9, 12), 100), "shape"),
        (lambda ev: denoise.background_activity(ev, denoise.surface(WIDTH, HEIGHT), 0), "window is 0"),
        (lambda ev: denoise.refractory(ev, denoise.surface(WIDTH, HEIGHT), -1), "period is -1"),
        (lambda ev: denoise.refractory(ev, denoise.surface(WIDTH, HEIGHT), 5, rule="some"), "'some'"),
        (lambda ev: denoise.stcf(ev, denoise.surface(WIDTH, HEIGHT), 5, radius=2), "radius=2"),
        (lambda ev: denoise.stcf(ev, denoise.surface(WIDTH, HEIGHT), 5, k=9), "k is 9"),
        (lambda ev: denoise.stcf(ev, denoise.surface(WIDTH, HEIGHT), 5, k=0), "k is 0"),
    ],
)
def test_unusable_parameters_are_refused(call, message):
    with pytest.raises(ParameterError, match=message):
        call(made([(1, 4, 4, 1)]))


@pytest.mark.parametrize("name", ["background_activity", "stcf"])
def test_a_surface_that_outgrows_the_caches_gives_the_same_verdicts(name):
    rng = np.random.default_rng(5)
    records = np.zeros(30_000, EVENT_DTYPE)
    records["t"] = np.sort(rng.integers(0, 20_000, len(records)))
    records["x"], records["y"] = rng.integers(0, 1280, len(records)), rng.integers(0, 720, len(records))
    records["x"][::7], records["y"][::7] = 1279, 719
    records["p"] = rng.integers(0, 2, len(records))
    events = Events(records, 1280, 720)
    run = getattr(denoise, name)
    kept = run(events, denoise.surface(1280, 720), 5_000)
    marked = run(events, denoise.surface(1280, 720), 5_000, mark=True)
    assert 0 < len(kept) < len(events)
    assert np.array_equal(kept.records, events[marked.scores < 5_000].records)
