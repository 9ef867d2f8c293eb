"""Slices hold what their windows say, however the stream is cut and wherever watermarks fall."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventflow.errors import EventsError, ParameterError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.kernels.slices import CountSlicer, TimeSlicer
from eventflow.testing import cuts, events

quick = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def at(*times: int) -> Events:
    records = np.zeros(len(times), EVENT_DTYPE)
    records["t"] = times
    return Events(records, 12, 9)


def shown(slices):
    return [(s.index, s.t0, s.t1, s.complete, s.events.records.tolist()) for s in slices]


def reference(stream: Events, every: int, max_gap: int) -> list:
    windows: dict[int, list] = {}
    for row in stream.records.tolist():
        windows.setdefault(row[0] // every, []).append(row)
    found = []
    numbers = sorted(windows)
    for number, following in zip(numbers, [*numbers[1:], None], strict=False):
        found.append((number, number * every, (number + 1) * every, following is not None, windows[number]))
        limit = windows[number][-1][0] + max_gap
        empties = range(number + 1, number + 1 if following is None else min(following, limit // every))
        found += [(empty, empty * every, (empty + 1) * every, True, []) for empty in empties]
    return found


@quick
@given(
    stream=events(max_size=80),
    sizes=cuts(),
    every=st.sampled_from([1_000, 9_999, 10_000]),
    max_gap=st.sampled_from([0, 5_000, 40_000]),
    eager=st.booleans(),
)
def test_time_slices_are_their_windows(stream, sizes, every, max_gap, eager):
    slicer = TimeSlicer(every, max_gap=max_gap)
    found, begin = [], 0
    while begin < len(stream):
        for size in sizes:
            packet = stream[begin : begin + size]
            if eager and len(packet):
                found += slicer.advance(int(packet.t[0]))
            found += slicer.push(packet)
            begin += size
    found += slicer.finish()
    assert shown(found) == reference(stream, every, max_gap)


def test_a_long_gap_is_jumped_and_counted():
    slicer = TimeSlicer(10, max_gap=30)
    found = slicer.push(at(5, 1_005))
    assert [s.index for s in found] == [0, 1, 2]
    assert slicer.left_out == 97
    assert [s.index for s in slicer.finish()] == [100]


def test_watermarks_go_no_further_into_a_gap_than_events_would():
    slicer = TimeSlicer(10, max_gap=30)
    assert slicer.push(at(5)) == []
    assert [s.index for s in slicer.advance(10_000)] == [0, 1, 2]
    assert [s.index for s in slicer.advance(20_000)] == []
    assert slicer.push(at(1_005)) == []
    assert slicer.left_out == 97


def test_a_window_inside_a_packet_shares_its_memory():
    packet = at(*range(100))
    for piece in TimeSlicer(10).push(packet):
        assert np.shares_memory(piece.events.records, packet.records)


def test_windows_before_time_zero_are_windows_too():
    assert [(s.index, s.t0, s.t1) for s in TimeSlicer(10).push(at(-15, -1, 0))] == [(-2, -20, -10), (-1, -10, 0)]


@quick
@given(stream=events(max_size=80), sizes=cuts(), count=st.integers(1, 20))
def test_count_slices_hold_their_count(stream, sizes, count):
    slicer, found, begin = CountSlicer(count), [], 0
    while begin < len(stream):
        for size in sizes:
            found += slicer.push(stream[begin : begin + size])
            begin += size
    found += slicer.finish()
    rows = stream.records.tolist()
    pieces = [rows[i : i + count] for i in range(0, len(rows), count)]
    assert shown(found) == [
        (number, piece[0][0], piece[-1][0], len(piece) == count, piece) for number, piece in enumerate(pieces)
    ]


@pytest.mark.parametrize("slicer", [TimeSlicer(10), CountSlicer(2)])
def test_a_step_back_is_refused(slicer):
    slicer.push(at(50, 60))
    with pytest.raises(EventsError, match="t=40 after 60") as caught:
        slicer.push(at(40))
    assert caught.value.index == 0
    with pytest.raises(EventsError, match="event 2 of the packet has t=70 after 80"):
        slicer.push(at(60, 80, 70))


@pytest.mark.parametrize("slicer", [lambda: TimeSlicer(10), lambda: CountSlicer(3)])
def test_a_slicer_goes_on_from_its_state(slicer):
    old, new = slicer(), slicer()
    old.push(at(1, 2, 13, 14))
    new.restore(old.state())
    assert shown(old.push(at(15, 26)) + old.finish()) == shown(new.push(at(15, 26)) + new.finish())


def test_unusable_parameters_are_refused():
    for wrong in (lambda: TimeSlicer(0), lambda: TimeSlicer(1, max_gap=-1), lambda: CountSlicer(0)):
        with pytest.raises(ParameterError, match="expected at least"):
            wrong()
