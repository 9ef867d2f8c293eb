"""Packets are cut by count and by time, whatever the stream looks like."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from eventflow.events import EVENT_DTYPE, Events
from eventflow.runtime.source import cut


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(st.lists(st.integers(0, 5_000), max_size=60), st.integers(1, 20), st.integers(0, 700))
def test_no_part_is_too_large_or_crosses_a_border(times: list[int], count: int, span_us: int) -> None:
    records = np.zeros(len(times), EVENT_DTYPE)
    records["t"] = sorted(times)
    events = Events(records, 4, 4)
    parts = list(cut(events, count, span_us))
    assert all(0 < len(part) <= count for part in parts)
    assert b"".join(part.records.tobytes() for part in parts) == events.records.tobytes()
    if span_us:
        assert all(int(part.t[0]) // span_us == int(part.t[-1]) // span_us for part in parts)
