"""Each representation is the formula in its docstring, computed slowly here, and never NaN."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventflow.errors import EventsError, ParameterError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.kernels import distance, ergo, frames, hats, recent, representations, sparse, voxels
from eventflow.testing import events

WIDTH, HEIGHT = 12, 9
quick = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
windows = st.tuples(st.sampled_from([0, 3, 10_000]), st.sampled_from([0, 1, 7_777]))


def window_of(stream, margins):
    before, after = margins
    return (int(stream.t.min()) - before, int(stream.t.max()) + after) if len(stream) else (0, 10_000)


def rows(stream):
    return stream.records.tolist()


@quick
@given(stream=events(ordered=False), most=st.integers(1, 4))
def test_counting_frames(stream, most):
    counts = np.zeros((2, HEIGHT, WIDTH), np.int64)
    for _, x, y, p in rows(stream):
        counts[p, y, x] += 1
    np.testing.assert_array_equal(frames.histogram(stream, most=most), np.minimum(counts, most))
    np.testing.assert_array_equal(frames.signed_frame(stream), counts[1:] - counts[:1])
    np.testing.assert_array_equal(frames.binary_frame(stream), counts > 0)


def test_a_histogram_saturates_instead_of_wrapping():
    stream = Events(np.array([(0, 3, 2, 1)] * 300, EVENT_DTYPE), WIDTH, HEIGHT)
    assert frames.histogram(stream)[1, 2, 3] == 255
    assert voxels.stacked_histogram(stream, 0, 10, 2)[2, 2, 3] == 255
    assert voxels.mixed_density(stream, 0, 10, 2)[1, 2, 3] == 127


@quick
@given(stream=events(ordered=False), margins=windows, bits=st.integers(1, 9))
def test_bina_rep(stream, margins, bits):
    t0, t1 = window_of(stream, margins)
    parts = np.zeros((bits, 2, HEIGHT, WIDTH))
    for t, x, y, p in rows(stream):
        parts[min(bits - 1, bits * (t - t0) // max(t1 - t0, 1)), p, y, x] = 1
    expected = (parts * 2.0 ** np.arange(bits - 1, -1, -1)[:, None, None, None]).sum(0) / (2**bits - 1)
    np.testing.assert_array_equal(frames.bina_rep(stream, t0, t1, bits=bits), expected.astype(np.float32))


@quick
@given(stream=events(), margins=windows)
def test_timestamp_image(stream, margins):
    t0, t1 = window_of(stream, margins)
    times: dict[tuple[int, int, int], list[float]] = {}
    for t, x, y, p in rows(stream):
        times.setdefault((p, y, x), []).append((t - t0) / max(t1 - t0, 1))
    for moment, measure in (("last", lambda found: found[-1]), ("first", lambda found: found[0]), ("mean", np.mean)):
        expected = np.zeros((2, HEIGHT, WIDTH))
        for place, found in times.items():
            expected[place] = measure(found)
        found = frames.timestamp_image(stream, t0, t1, moment=moment)
        np.testing.assert_allclose(found, expected, atol=1e-6)


@quick
@given(stream=events(ordered=False), margins=windows, bins=st.integers(1, 6))
def test_voxel_grid_of_tonic(stream, margins, bins):
    t0, t1 = window_of(stream, margins)
    grid = np.zeros((bins + 2, HEIGHT, WIDTH))
    for t, x, y, p in rows(stream):
        tau = bins * (t - t0) / max(t1 - t0, 1)
        whole = math.floor(tau)
        grid[whole, y, x] += (2 * p - 1) * (1 - (tau - whole))
        grid[whole + 1, y, x] += (2 * p - 1) * (tau - whole)
    np.testing.assert_allclose(voxels.voxel_grid_tonic(stream, t0, t1, bins), grid[:bins], atol=1e-5)


@quick
@given(stream=events(ordered=False), margins=windows, bins=st.integers(1, 6), edges=st.sampled_from(["drop", "clamp"]))
def test_event_cube(stream, margins, bins, edges):
    t0, t1 = window_of(stream, margins)
    cube = np.zeros((2, bins, HEIGHT, WIDTH))
    for t, x, y, p in rows(stream):
        tau = bins * (t - t0) / max(t1 - t0, 1) - 0.5
        for own in (math.floor(tau), math.floor(tau) + 1):
            if edges == "clamp" or 0 <= own < bins:
                cube[p, min(max(own, 0), bins - 1), y, x] += max(0, 1 - abs(tau - own))
    found = voxels.event_cube(stream, t0, t1, bins, edges=edges)
    np.testing.assert_allclose(found, cube.reshape(2 * bins, HEIGHT, WIDTH), atol=1e-5)


@quick
@given(stream=events(ordered=False), margins=windows, bins=st.integers(1, 12), most=st.integers(1, 5))
def test_stacked_histogram(stream, margins, bins, most):
    t0, t1 = window_of(stream, margins)
    counts = np.zeros((2, bins, HEIGHT, WIDTH), np.int64)
    for t, x, y, p in rows(stream):
        counts[p, min(bins - 1, bins * (t - t0) // max(t1 - t0, 1)), y, x] += 1
    expected = np.minimum(counts, most).reshape(2 * bins, HEIGHT, WIDTH)
    np.testing.assert_array_equal(voxels.stacked_histogram(stream, t0, t1, bins, most=most), expected)


@quick
@given(stream=events(ordered=False), margins=windows, bins=st.integers(1, 12), most=st.integers(1, 5))
def test_mixed_density(stream, margins, bins, most):
    t0, t1 = window_of(stream, margins)
    sums = np.zeros((bins, HEIGHT, WIDTH), np.int64)
    for t, x, y, p in rows(stream):
        for plane in range(bins):
            if (t - t0) * 2 ** (bins - 1 - plane) < max(t1 - t0, 1) or plane == bins - 1:
                sums[plane, y, x] += 2 * p - 1
    expected = np.clip(sums, -most, most)
    np.testing.assert_array_equal(voxels.mixed_density(stream, t0, t1, bins, most=most), expected)


@quick
@given(stream=events(), after=st.sampled_from([0, 1, 10_000]), depth=st.integers(1, 4), cut=st.integers(0, 60))
def test_tore(stream, after, depth, cut):
    t1 = window_of(stream, (0, after))[1]
    last: dict[tuple[int, int, int], list[int]] = {}
    for t, x, y, p in rows(stream):
        last.setdefault((p, y, x), []).insert(0, t)
    expected = np.full((2, depth, HEIGHT, WIDTH), math.log(5_000_001) - math.log(151))
    for (p, y, x), times in last.items():
        for k, t in enumerate(times[:depth]):
            expected[p, k, y, x] = math.log(1 + min(max(t1 - t, 150), 5_000_000)) - math.log(151)
    state = recent.recent_times(WIDTH, HEIGHT, depth)
    recent.tore(stream[:cut], t1, state=state)
    found = recent.tore(stream[cut:], t1, state=state)
    np.testing.assert_allclose(found, expected.reshape(found.shape), rtol=0, atol=3e-6)


@quick
@given(stream=events(), after=st.sampled_from([0, 1, 10_000]))
def test_multi_channel_surface(stream, after):
    t1 = window_of(stream, (0, after))[1]
    spans = recent.mcts_windows(1_000, 30_000, 5)
    assert spans == [1_000, 2_340, 5_477, 12_819, 30_000]
    expected = np.zeros((2, 5, HEIGHT, WIDTH))
    for t, x, y, p in rows(stream):
        expected[p, :, y, x] = [max(0, 1 - (t1 - t) / span) for span in spans]
    state = representations.time_map(WIDTH, HEIGHT)
    found = recent.multi_channel_surface(stream, t1, spans, state=state)
    np.testing.assert_allclose(found, expected.reshape(10, HEIGHT, WIDTH), atol=1e-6)


@quick
@given(stream=events(), margins=windows)
def test_tencode(stream, margins):
    t0, t1 = window_of(stream, margins)
    image = np.zeros((3, HEIGHT, WIDTH), np.uint8)
    for t, x, y, p in rows(stream):
        green = math.floor(255 * (t1 - t) / max(t1 - t0, 1) + 0.5)
        image[:, y, x] = 255 * p, green, 255 * (1 - p)
    np.testing.assert_array_equal(recent.tencode(stream, t0, t1), image)


@quick
@given(
    stream=events(),
    cell=st.sampled_from([1, 4, 10]),
    radius=st.integers(0, 2),
    window=st.sampled_from([0, 12_000, 10**6]),
    decay=st.sampled_from(["exponential", "linear"]),
)
def test_hats(stream, cell, radius, window, decay):
    side, tau = 2 * radius + 1, 5_000
    shape = (-(-HEIGHT // cell), -(-WIDTH // cell))
    sums, numbers = np.zeros((2, side, side, *shape)), np.zeros((2, *shape))
    found = rows(stream)
    for i, (t, x, y, p) in enumerate(found):
        place = (y // cell, x // cell)
        numbers[p, *place] += 1
        sums[p, radius, radius, *place] += 1
        for t_before, x_before, y_before, p_before in found[:i]:
            dx, dy, age = x_before - x, y_before - y, t - t_before
            near = abs(dx) <= radius and abs(dy) <= radius and (y_before // cell, x_before // cell) == place
            if near and p_before == p and age <= window:
                share = math.exp(-age / tau) if decay == "exponential" else max(0, 1 - age / (3 * tau))
                sums[p, dy + radius, dx + radius, *place] += share
    expected = sums / np.maximum(numbers, 1)[:, None, None]
    got = hats.hats(stream, cell=cell, radius=radius, window=window, tau=tau, decay=decay)
    np.testing.assert_allclose(got, expected.reshape(got.shape), rtol=1e-6, atol=1e-30)


_CHANNELS = [
    *[(0, "polarity", np.var), (3, "time_off", np.var), (2, "count_off", np.mean), (6, "polarity", np.sum)],
    *[(5, "count_on", np.mean), (6, "count", np.sum), (2, "time_on", np.mean), (5, "count_off", np.mean)],
    *[(1, "time_off", np.max), (0, "time_on", np.max), (4, "time", np.max), (1, "count", np.mean)],
]


@quick
@given(stream=events(), margins=windows)
def test_ergo12(stream, margins):
    t0, t1 = window_of(stream, margins)
    found = [(t, x, y, p) for t, x, y, p in rows(stream)]
    third, parts = len(found) // 3, [found]
    parts += [found[k * third : (k + 1) * third] for k in range(3)]
    newest, length = found, len(found)
    for _ in range(3):
        length //= 2
        newest = newest[length:]
        parts.append(newest)
    expected = np.zeros((12, HEIGHT, WIDTH))
    for channel, (part, function, measure) in enumerate(_CHANNELS):
        values: dict[tuple[int, int], list[float]] = {}
        for t, x, y, p in parts[part]:
            if function.endswith("_on" if p == 0 else "_off"):
                continue
            time = (t - t0) / max(t1 - t0, 1)
            value = time if "time" in function else 2 * p - 1 if function == "polarity" else 1
            values.setdefault((y, x), []).append(value)
        for place, each in values.items():
            expected[channel, *place] = measure(each)
    np.testing.assert_allclose(ergo.ergo12(stream, t0, t1), expected, atol=1e-6)


@quick
@given(stream=events(ordered=False), least=st.integers(1, 2), alpha=st.sampled_from([0.5, 6.0]))
def test_distance_surface(stream, least, alpha):
    edges = np.argwhere(representations.count_frame(stream).sum(0) >= least)
    for formula in ("exponential", "linear"):
        expected = np.zeros((1, HEIGHT, WIDTH))
        for y, x in np.ndindex(HEIGHT, WIDTH):
            if len(edges):
                nearest = np.hypot(*(edges - (y, x)).T).min()
                expected[0, y, x] = math.exp(-nearest / alpha) if formula == "exponential" else 1 - nearest / alpha
        found = distance.distance_surface(stream, alpha=alpha, least=least, formula=formula)
        np.testing.assert_allclose(found, np.maximum(expected, 0), rtol=1e-6, atol=1e-7)


@quick
@given(stream=events(ordered=False), margins=windows, bins=st.integers(1, 5), stride=st.integers(1, 4))
def test_sparse_voxels(stream, margins, bins, stride):
    t0, t1 = window_of(stream, margins)
    found: dict[tuple[int, int, int], list[tuple[int, float]]] = {}
    for t, x, y, p in rows(stream):
        own = min(bins - 1, bins * (t - t0) // max(t1 - t0, 1))
        found.setdefault((own, y // stride, x // stride), []).append((p, (t - t0) / max(t1 - t0, 1)))
    coordinates, features = sparse.sparse_voxels(stream, t0, t1, bins, stride=stride)
    assert [tuple(row) for row in coordinates.tolist()] == list(found)
    expected = [[sum(p == 0 for p, _ in each), sum(p for p, _ in each), np.mean([t for _, t in each])]
                for each in found.values()]  # fmt: skip
    np.testing.assert_allclose(features, np.array(expected).reshape(-1, 3), atol=1e-6)


_WITH_WINDOW = [
    frames.bina_rep,
    frames.timestamp_image,
    recent.tencode,
    ergo.ergo12,
    lambda *window: voxels.voxel_grid_tonic(*window, 3),
    lambda *window: voxels.event_cube(*window, 3),
    lambda *window: voxels.stacked_histogram(*window, 3),
    lambda *window: voxels.mixed_density(*window, 3),
    lambda *window: sparse.sparse_voxels(*window, 3)[1],
]


@pytest.mark.parametrize("represent", _WITH_WINDOW)
def test_the_window_is_kept_and_not_that_of_the_events(represent):
    stream = Events(np.array([(150, 0, 0, 1), (201, 3, 2, 1)], EVENT_DTYPE), WIDTH, HEIGHT)
    with pytest.raises(EventsError, match="event 1 has t=201"):
        represent(stream, 100, 200)
    with pytest.raises(ParameterError, match="before it starts"):
        represent(stream, 300, 200)
    assert np.isfinite(represent(stream, 100, 300)).all()


@pytest.mark.parametrize("represent", _WITH_WINDOW)
@pytest.mark.parametrize("size", [(1, 1), (1, 5), (WIDTH, HEIGHT)])
def test_no_events_one_pixel_and_epoch_times_are_no_special_cases(represent, size):
    t0 = 1_643_243_628_737_093
    assert not np.count_nonzero(represent(Events.empty(*size), t0, t0 + 10_000))
    assert not np.count_nonzero(represent(Events.empty(*size), t0, t0))
    last = (t0 + 9_999, size[0] - 1, size[1] - 1, 1)
    stream = Events(np.array([(t0, 0, 0, 1), (t0, 0, 0, 0), last], EVENT_DTYPE), *size)
    found = represent(stream, t0, t0 + 10_000)
    assert np.isfinite(found).all()
    shifted = stream.records.copy()
    shifted["t"] -= t0
    np.testing.assert_array_equal(represent(Events(shifted, *size), 0, 10_000), found)
