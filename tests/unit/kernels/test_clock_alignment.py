"""Two clocks aligned by shared triggers, on edges and on a simulated scene that two sensors see."""

from __future__ import annotations

import numpy as np
import pytest

import eventflow as ef
from eventflow.errors import ParameterError
from eventflow.kernels.clock_alignment import ClockFit, aligned, fit_clocks
from eventflow.messages import Triggers
from eventflow_nodes.track.clock_fit import ClockFit as ClockFitNode
from eventflow_nodes.transform.align_clock import AlignClock


def seen(edges, *, offset, ppm, jitter, missing, seed):
    """The edges as a clock shows them that has its own zero, runs at its own speed and misses some."""
    rng = np.random.default_rng(seed)
    times = np.rint(edges * (1 + ppm * 1e-6) + offset + rng.normal(0, jitter, len(edges))).astype(np.int64)
    return np.sort(times[rng.random(len(times)) >= missing])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("offset", "ppm"), [(0, 0.0), (1_600_000_000_000_000, 48.0), (-734_512, -120.0), (12, 300.0)])
def test_offset_and_drift_are_found_though_edges_are_missing(seed, offset, ppm):
    rng = np.random.default_rng(seed)
    edges = np.cumsum(rng.integers(20_000, 400_000, 300)).astype(np.float64)  # about a minute
    reference = seen(edges, offset=offset, ppm=ppm, jitter=3.0, missing=0.1, seed=seed + 10)
    other = seen(edges, offset=0, ppm=0.0, jitter=3.0, missing=0.2, seed=seed + 20)
    fit = fit_clocks(reference, other, tolerance_us=50)
    assert abs(fit.drift_ppm - ppm) < 0.1
    assert fit.pairs > 180
    assert 2.0 < fit.rms_us < 7.0
    truth = np.rint(other * (1 + ppm * 1e-6) + offset)
    assert np.abs(fit.to_reference(other) - truth).max() < 25  # jitter of single edges, no more
    assert np.abs(fit.to_reference(other) - truth).mean() < 5


def test_edges_at_equal_intervals_fit_where_most_agree():
    edges = np.arange(1, 101) * 10_000
    fit = fit_clocks(edges + 77, edges)
    assert (fit.offset_us, fit.pairs, fit.rms_us) == (pytest.approx(77), 100, pytest.approx(0))


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_edges_are_an_error(count):
    with pytest.raises(ParameterError, match="two at least"):
        fit_clocks(np.arange(count), np.arange(5))


def test_edges_of_two_lines_that_have_nothing_in_common_do_not_fit():
    rng = np.random.default_rng(1)
    one, two = (np.cumsum(rng.integers(1_000_000, 9_000_000, 3)) for _ in range(2))
    with pytest.raises(ParameterError, match="no two agree within 1 µs"):
        fit_clocks(one, two, tolerance_us=1, most_drift_ppm=0.001)


def test_the_nodes_bring_a_simulated_sensor_back_onto_the_clock_of_another():
    scene = ef.synth.render("crossing", seed=3, duration=500_000)
    rng = np.random.default_rng(2)
    edges = np.cumsum(rng.integers(5_000, 40_000, 20))
    drift, offset = 200.0, 5_000_123
    records = scene.records.view("V16").copy().view(scene.records.dtype)
    records["t"] = np.rint((records["t"] - offset) / (1 + drift * 1e-6)).astype(
        np.int64
    )  # as the second sensor says it
    second = ef.Events(records, scene.width, scene.height, ordered=True)
    other = np.rint((edges - offset) / (1 + drift * 1e-6)).astype(np.int64)

    def message(times):
        return Triggers(int(times[-1]), times.astype(np.int64), np.zeros(len(times), "u1"), np.ones(len(times), "u1"))

    fit = fit_clocks(edges, other)
    assert isinstance(fit, ClockFit)
    assert fit.pairs == 20
    back = aligned(second, fit.offset_us, fit.drift_ppm, fit.at_us)
    assert np.abs(back.t - scene.t).max() <= 1
    node = ClockFitNode()
    node.start(None, None)
    node.reference(message(edges))
    node.other(message(other))
    node.finish(0)
    assert node.results["pairs"] == 20
    align = AlignClock(**{name: node.results[name] for name in ("offset_us", "drift_ppm", "at_us")})
    assert np.abs(align.events(second).t - scene.t).max() <= 1
