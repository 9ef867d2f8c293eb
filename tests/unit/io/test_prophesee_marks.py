"""A decoder of Prophesee words goes on from any mark as if it had not stopped, and refuses a mark that is none."""

from __future__ import annotations

import copy
import struct

import numpy as np
import plain_prophesee as plain
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_prophesee_decoders import dat_records, evt2_words, evt3_words, evt4_words, evt21_words

from eventflow.errors import RecordingError
from eventflow.io.decoder import Batch
from eventflow.io.source import ByteSource
from eventflow.io.table import format_named

DAT = b"% Data file containing Event2d events.\n% Version 2\n\x00\x08"
WORDS = {
    "evt2": (plain.HEADER2, evt2_words),
    "evt21": (plain.HEADER21, evt21_words.map(lambda words: struct.pack(f"<{len(words)}Q", *words))),
    "evt3": (plain.HEADER3, evt3_words),
    "evt4": (plain.HEADER4, evt4_words),
    "dat": (DAT, dat_records),
}


def rest_of(decoder, sizes=(64,)):
    events, turn = [], 0
    while stop := decoder.fill(batch := Batch(sizes[turn % len(sizes)]), 0):
        events += batch.records.view(np.int64).reshape(-1, 2)[:stop].tolist()
        turn += 1
    return events


@pytest.mark.parametrize("name", WORDS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_follows_a_mark_is_what_followed(tmp_path, name, data):
    header, words = WORDS[name]
    path = tmp_path / "a"
    path.write_bytes(header + data.draw(words) + data.draw(st.binary(max_size=7)))
    with ByteSource(path) as one, ByteSource(path) as other:
        decoder = format_named(name).load().open_decoder(one)
        for _ in range(data.draw(st.integers(0, 5))):
            decoder.fill(Batch(data.draw(st.integers(1, 40))), 0)
        mark = copy.deepcopy(decoder.mark())
        resumed = format_named(name).load().open_decoder(other)
        resumed.resume(mark)
        assert rest_of(resumed, data.draw(st.lists(st.integers(1, 50), min_size=1))) == rest_of(decoder)
        assert resumed.skipped == decoder.skipped
        assert resumed.noted == decoder.noted
        assert resumed.steps_back == decoder.steps_back


@pytest.mark.parametrize("name", WORDS)
def test_a_mark_that_is_none_is_refused(tmp_path, name):
    path = tmp_path / "a"
    path.write_bytes(WORDS[name][0] + bytes(80))
    with ByteSource(path) as source:
        decoder = format_named(name).load().open_decoder(source)
        good = decoder.mark()
        bad = [
            {},
            good | {"byte": good["byte"] + 1} if name != "dat" else good | {"byte": good["byte"] + 4},
            good | {"byte": 10**9},
            good | {"byte": 3},
            good | {"byte": "7"},
            good | {"state": []},
            good | {"state": [1 << 70, *good["state"][1:]]},
            good | {"state": [0.5] * len(good["state"])},
            good | {"state": [(1 << 62) + 12345] * len(good["state"])},
        ]
        for mark in bad:
            with pytest.raises(RecordingError, match="not a mark of this recording"):
                decoder.resume(mark)


@pytest.mark.parametrize("name", [name for name in WORDS if name != "dat"])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_mark_is_taken_events_stay_on_the_sensor(tmp_path, name, data):
    header, words = WORDS[name]
    path = tmp_path / "a"
    path.write_bytes(header + data.draw(words))
    with ByteSource(path) as source:
        decoder = format_named(name).load().open_decoder(source)
        mark = decoder.mark()
        slot = data.draw(st.integers(0, len(mark["state"]) - 1))
        mark["state"][slot] = data.draw(st.one_of(st.integers(-1, 64), st.integers(0, (1 << 63) - 1)))
        try:
            decoder.resume(mark)
        except RecordingError:
            return
        for _, second in rest_of(decoder):
            assert second & 0xFFFF < decoder.info.width
            assert second >> 16 & 0xFFFF < decoder.info.height
            assert second >> 32 in (0, 1)
