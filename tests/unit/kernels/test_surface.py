"""Four bytes a pixel give what eight would, over any jump of time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventflow.events import EVENT_DTYPE, Events
from eventflow.kernels import denoise
from eventflow.kernels.surface import REACH, Surface

MINUTE = 60_000_000
EPOCH = 1_643_243_628_737_093
JUMPS = [0, 1, 900, 5_000, MINUTE, REACH - 1, REACH, 3 * REACH, 8 * REACH, 60 * MINUTE]


def stream_of(steps: list[int], back: bool, t0: int = EPOCH) -> Events:
    """Return events of a 3x2 sensor that step through time; with `back` every third step is backwards."""
    signs = [-1 if back and number % 3 == 2 else 1 for number in range(len(steps))]
    records = np.zeros(len(steps), EVENT_DTYPE)
    records["t"] = t0 + np.cumsum(np.array(steps, np.int64) * signs)
    place = np.arange(len(steps)) * 7 % 6
    records["x"], records["y"], records["p"] = place % 3, place // 3, np.arange(len(steps)) % 2
    return Events(records, 3, 2)


def with_64_bits(events: Events) -> Surface:
    surface = denoise.surface(events.width, events.height)
    surface._widen()
    return surface


FILTERS = {
    "background_activity": lambda ev, state, window: denoise.background_activity(ev, state, window),
    "stcf": lambda ev, state, window: denoise.stcf(ev, state, window, k=2),
    "refractory": lambda ev, state, window: denoise.refractory(ev, state, window),
    "ages": lambda ev, state, window: denoise.stcf(ev, state, window, k=2, polarity=False, mark=True),
    "own_ages": lambda ev, state, window: denoise.refractory(ev, state, window, mark=True),
}


@pytest.mark.parametrize("name", FILTERS)
@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    steps=st.lists(st.sampled_from(JUMPS), max_size=40),
    back=st.booleans(),
    window=st.sampled_from([1, 1_000, MINUTE, REACH, REACH + 1, 1 << 40]),
    size=st.sampled_from([1, 3, 100]),
)
def test_narrow_cells_give_what_wide_ones_give(name, steps, back, window, size):
    stream = stream_of(steps, back)
    narrow, wide = denoise.surface(3, 2), with_64_bits(stream)
    for begin in range(0, len(stream), size):
        packet = stream[begin : begin + size]
        a, b = FILTERS[name](packet, narrow, window), FILTERS[name](packet, wide, window)
        assert a.records.tolist() == b.records.tolist()
        assert (a.scores is None) or a.scores.tolist() == b.scores.tolist()
    assert narrow.last_events().tolist() == wide.last_events().tolist()


def test_hours_in_order_stay_narrow():
    stream = stream_of([MINUTE] * 600, back=False)
    state = denoise.surface(3, 2)
    assert len(denoise.background_activity(stream, state, 2 * MINUTE)) > 300
    assert not state.is_wide
