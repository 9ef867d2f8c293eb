"""Latency percentiles are right to 9 %, at any scale and however they were merged."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventflow.runtime.counters import EdgeCounts, LatencyHistogram


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(st.lists(st.integers(1, 10**11), min_size=1, max_size=60), st.floats(0.01, 1))
def test_percentiles_are_right_to_an_eighth_of_an_octave(durations: list[int], share: float) -> None:
    left, right = LatencyHistogram(), LatencyHistogram()
    for number, duration in enumerate(durations):
        (left if number % 2 else right).add(duration)
    left.merge({str(key): count for key, count in right.counts.items()}, right.max_ns)
    wanted = float(np.quantile(durations, share, method="inverted_cdf")) / 1000
    found = left.percentile_us(share)
    assert wanted <= found * (1 + 1e-9)
    assert found <= max(wanted * 1.126, wanted + 0.002)
    assert left.plain()["max"] == max(durations) / 1000


def test_what_was_counted_since_a_copy_is_told_apart() -> None:
    histogram = LatencyHistogram()
    for _ in range(100):
        histogram.add(9_000_000)
    before = histogram.copy()
    assert histogram.since(before).plain() is None
    for _ in range(10):
        histogram.add(1_000)
    assert histogram.since(before).plain()["max"] < 1.2
    assert histogram.plain()["max"] == 9_000


def test_nothing_counted_is_nothing() -> None:
    assert LatencyHistogram().plain() is None


@pytest.mark.parametrize("duration", [-5, 0, 1, (1 << 62) + 1])
def test_odd_durations_are_counted(duration: int) -> None:
    histogram = LatencyHistogram()
    histogram.add(duration)
    assert sum(histogram.counts.values()) == 1
    assert histogram.plain() is not None


def test_drops_are_counted_by_reason() -> None:
    counts = EdgeCounts()
    counts.drop("latest", 5)
    counts.drop("latest", 2)
    assert counts.plain()["drops"] == {"latest": 2}
    assert (counts.messages_dropped, counts.events_dropped) == (2, 7)
