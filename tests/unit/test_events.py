"""What a packet of events promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eventflow as ef
from eventflow.errors import EventsError
from eventflow.events import EVENT_DTYPE, LAYOUTS, Events
from eventflow.testing import events as packets


def pad_bytes(records):
    return records.view(np.uint8).reshape(-1, 16)[:, 13:]


def structured(rows, dtype="eventflow"):
    array = np.zeros(len(rows), LAYOUTS[dtype])
    for name, column in zip(LAYOUTS[dtype].names, np.array(rows).T.reshape(4, -1), strict=True):
        array[name] = column
    return array


def test_the_record_is_the_documented_one():
    assert EVENT_DTYPE.itemsize == 16
    assert {name: EVENT_DTYPE.fields[name][1] for name in "txyp"} == {"t": 0, "x": 8, "y": 10, "p": 12}


@given(packets(ordered=False, labels=True, scores=True), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_every_operation_keeps_the_invariants(events, random):
    mask = np.array([random.random() < 0.5 for _ in range(len(events))], bool)
    cut = random.randint(0, len(events))
    joined = Events.concat([events[:cut], events[cut:]])
    for result in (events[mask], events[:cut], events[cut:], events.sorted(), joined):
        assert not result.records.flags.writeable
        assert result.records.flags.c_contiguous
        assert not pad_bytes(result.records).any()
        assert len(result.labels) == len(result.scores) == len(result)
        assert not result.ordered or (np.diff(result.t) >= 0).all()
    assert (joined.records == events.records).all()
    assert (events[mask].labels == events.labels[mask]).all()


def test_pad_bytes_are_zero_after_garbage_in_memory():
    for _ in range(3):
        junk = [np.full(1 << 20, 255, np.uint8) for _ in range(4)]
        del junk
        records = np.zeros(60_000, EVENT_DTYPE)
        events = Events(records, 4, 4)
        for made in (Events.concat([events[:9], events[9:]]), events[np.ones(len(events), bool)]):
            assert not pad_bytes(made.records).any()
        strided = Events(np.zeros(4000, EVENT_DTYPE)[::2], 4, 4)
        assert not pad_bytes(strided.records).any()


@pytest.mark.parametrize("like", LAYOUTS)
def test_other_libraries_records_go_both_ways(like):
    events = Events.from_numpy(structured([(5, 1, 2, 1), (7, 3, 0, 0)]), width=4, height=3)
    theirs = events.to_numpy(like)
    assert theirs.dtype == LAYOUTS[like]
    back = Events.from_numpy(theirs, width=4, height=3)
    assert (back.records == events.records).all()
    assert np.shares_memory(theirs, events.records) == (like in ("eventflow", "expelliarmus", "dv"))


def test_columns_and_signed_polarity():
    array = np.array([[1, 2, 5, -1], [3, 0, 6, 1]])
    events = Events.from_numpy(array, width=4, height=3, columns="xytp")
    assert events.records.tolist() == [(5, 1, 2, 0), (6, 3, 0, 1)]
    assert (array == [[1, 2, 5, -1], [3, 0, 6, 1]]).all()


def test_an_unknown_field_or_layout_says_what_is_known():
    with pytest.raises(EventsError, match="no field for 'p'"):
        Events.from_numpy(np.zeros(1, [("t", "i8"), ("x", "i2"), ("y", "i2")]), width=1, height=1)
    with pytest.raises(EventsError, match="known: eventflow"):
        Events.empty(1, 1).to_numpy("jaer")


@pytest.mark.parametrize(
    ("rows", "index", "words"),
    [
        ([(0, 0, 0, 0), (1, 9, 0, 0)], 1, "x=9"),
        ([(0, 0, 0, 0), (1, 0, -1, 0)], 1, "y=-1"),
        ([(5, 0, 0, 0), (4, 0, 0, 0)], 1, "t=4 after t=5"),
        ([(0, 0, 0, 2)], 0, "polarity"),
    ],
)
def test_the_first_offender_is_named(rows, index, words):
    with pytest.raises(EventsError, match=words) as error:
        Events.from_numpy(np.array(rows), width=4, height=3)
    assert error.value.index == index


@pytest.mark.parametrize("t", [0.5, float("nan"), float("inf")])
def test_a_time_that_is_no_microsecond_is_refused(t):
    with pytest.raises(EventsError, match="whole µs"):
        Events.from_numpy(np.array([[t, 0, 0, 0]]), width=1, height=1)


@pytest.mark.parametrize(
    ("policy", "times", "reason", "count"),
    [("sort", [1, 3, 5], "sorted", 1), ("clamp", [5, 5, 5], "clamped", 2), ("drop", [5], "backwards", 2)],
)
def test_repair_is_explicit_and_counted(policy, times, reason, count):
    repaired = {}
    array = np.array([[5, 0, 0, 0], [1, 0, 0, 0], [3, 0, 0, 0]])
    events = Events.from_numpy(array, width=1, height=1, unsorted=policy, repaired=repaired)
    assert events.t.tolist() == times
    assert events.ordered
    assert repaired == {reason: count}


def test_kept_disorder_is_admitted():
    events = Events.from_numpy(np.array([[5, 0, 0, 0], [1, 0, 0, 0]]), width=1, height=1, unsorted="keep")
    assert not events.ordered
    with pytest.raises(EventsError, match="time order"):
        events.between(0, 9)


def test_pixels_outside_are_dropped_and_counted_when_asked():
    repaired = {}
    array = np.array([[1, 0, 0, 1], [2, 70_000, 0, 1], [3, 0, 1, 1]])
    events = Events.from_numpy(array, width=1, height=1, outside="drop", repaired=repaired)
    assert events.t.tolist() == [1]
    assert repaired == {"outside": 2}


def test_between_takes_the_start_and_leaves_the_end():
    events = Events.from_numpy(np.array([[t, 0, 0, 0] for t in (1, 2, 2, 3)]), width=1, height=1)
    assert events.between(2, 3).t.tolist() == [2, 2]
    assert np.shares_memory(events.between(2, 3).records, events.records)


def test_a_packet_cannot_be_written_nor_misused():
    events = Events.empty(2, 2)
    with pytest.raises(ValueError, match="read-only"):
        Events(np.zeros(1, EVENT_DTYPE), 1, 1).records["t"] = 5
    for wrong in (slice(None, None, 2), np.zeros(3, bool), np.zeros(0, int)):
        with pytest.raises(EventsError):
            events[wrong]
    with pytest.raises(EventsError, match="iterate"):
        list(events)
    with pytest.raises(EventsError, match="zero packets"):
        Events.concat([])
    with pytest.raises(EventsError, match="packet 1 is 3x3"):
        Events.concat([events, Events.empty(3, 3)])


def test_the_callers_array_stays_writable():
    records = np.zeros(2, EVENT_DTYPE)
    Events(records, 1, 1)
    assert records.flags.writeable


def test_columns_beside_the_records_must_fit():
    with pytest.raises(EventsError, match=r"labels have shape \(2,\)"):
        ef.Events(np.zeros(1, EVENT_DTYPE), 1, 1, labels=np.zeros(2, np.uint8))
