"""EVT 2.0, EVT 3.0 and DAT decode as their rules say, however the bytes arrive and however packets are cut."""

from __future__ import annotations

import struct

import numpy as np
import plain_prophesee as plain
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventflow.io import dat, evt2, evt3
from eventflow.io.decoder import Batch, Decoder


def decoded(decoder: Decoder, packet_events: int) -> tuple[list[tuple[int, int, int, int]], dict[str, int]]:
    events = []
    while True:
        batch = Batch(packet_events)
        batch.records.view(np.uint8)[:] = 255
        size = 0
        while size < packet_events:
            stop = decoder.fill(batch, size)
            if stop == size:
                break
            size = stop
        assert not batch.records[:size].view(np.uint8).reshape(-1, 16)[:, 13:].any(), "pad bytes are zero"
        events += [tuple(int(value) for value in record) for record in batch.records[:size].tolist()]
        if size < packet_events:
            return events, decoder.skipped


# words as a damaged stream has them: mostly of kinds that mean something, with small values that hit the sensor
evt3_words = st.lists(
    st.one_of(
        st.builds(lambda kind, value: kind << 12 | value, st.sampled_from([0, 2, 3, 4, 5, 6, 8]), st.integers(0, 4095)),
        st.builds(lambda kind, value: kind << 12 | value, st.sampled_from([0, 2, 3]), st.integers(0, 700)),
        st.integers(0, 0xFFFF),
    ),
    max_size=400,
).map(lambda words: struct.pack(f"<{len(words)}H", *words))
evt2_words = st.lists(
    st.one_of(
        st.builds(
            lambda k, t, x, y: k << 28 | t << 22 | x << 11 | y,
            st.integers(0, 1),
            st.integers(0, 63),
            st.integers(0, 660),
            st.integers(0, 500),
        ),
        st.builds(lambda value: 8 << 28 | value, st.integers(0, (1 << 28) - 1)),
        st.integers(0, 0xFFFFFFFF),
    ),
    max_size=200,
).map(lambda words: struct.pack(f"<{len(words)}I", *words))
dat_records = st.lists(
    st.one_of(
        st.builds(
            lambda t, x, y, p: t | (x | y << 14 | p << 28) << 32,
            st.integers(0, 2**32 - 1),
            st.integers(0, 310),
            st.integers(0, 250),
            st.integers(0, 1),
        ),
        st.integers(0, 2**64 - 1),
    ),
    max_size=100,
).map(lambda words: struct.pack(f"<{len(words)}Q", *words))
cuts = st.lists(st.integers(1, 40), min_size=1, max_size=8)
tails = st.binary(max_size=7)


@settings(max_examples=200, deadline=None)
@given(evt3_words, tails, cuts, st.integers(1, 50))
def test_evt3_equals_the_plain_decoder_for_any_cut(words, tail, sizes, packet_events):
    source = plain.PiecesSource(plain.HEADER3 + words + tail, sizes)
    assert decoded(evt3.open_decoder(source), packet_events) == plain.evt3(words + tail)


@settings(max_examples=100, deadline=None)
@given(evt2_words, tails, cuts, st.integers(1, 50))
def test_evt2_equals_the_plain_decoder_for_any_cut(words, tail, sizes, packet_events):
    source = plain.PiecesSource(plain.HEADER2 + words + tail, sizes)
    assert decoded(evt2.open_decoder(source), packet_events) == plain.evt2(words + tail)


@settings(max_examples=100, deadline=None)
@given(dat_records, tails, cuts, st.integers(1, 50))
def test_dat_equals_the_plain_decoder_for_any_cut(records, tail, sizes, packet_events):
    header = b"% Data file containing Event2d events.\n% Version 2\n\x00\x08"
    source = plain.PiecesSource(header + records + tail, sizes)
    assert decoded(dat.open_decoder(source), packet_events) == plain.dat(records + tail)


def test_dat_version_1_has_narrow_addresses():
    header = b"% Data file containing CD events.\n% Version 1\n\x00\x08"
    records = struct.pack("<4I", 7, 300 | 200 << 9 | 1 << 17, 9, 1 | 2 << 9)
    events, _ = decoded(dat.open_decoder(plain.PiecesSource(header + records, [5])), 10)
    assert events == [(7, 300, 200, 1), (9, 1, 2, 0)]


def test_evt3_vectors_far_beyond_the_sensor_are_counted_without_overflow():
    words = [0x8001, 0x0001, 0x3800] + [0x4FFF] * 100_000
    data = struct.pack(f"<{len(words)}H", *words)
    source = plain.PiecesSource(plain.HEADER3 + data, [1 << 16])
    events, skipped = decoded(evt3.open_decoder(source), 4096)
    assert len(events) == 1280
    assert skipped == {"outside": 12 * 100_000 - 1280}


TORTURE = {
    "data_starts_with_percent_space": ([(4097, 37, 1, 0), (4097, 1, 1, 1)], {"before_time": 1}),
    "empty_payload": ([], {}),
    "events_before_time_high": ([(8193, 9, 6, 1)], {"before_time": 2}),
    "ext_trigger": ([(4097, 1, 1, 1), (4098, 2, 1, 1)], {}),
    "high_glitch_back_by_1": ([(409601, 1, 10, 1), (405506, 2, 10, 1), (409603, 3, 10, 1)], {}),
    "no_percent_end": ([(4097, 1, 1, 1)], {}),
    "odd_trailing_byte": (
        [(16777120, 1, 10, 1), (16777221, 2, 10, 1), (33550337, 3, 10, 1), (33554439, 4, 10, 1)],
        {"truncated_bytes": 1},
    ),
    "others_continued": ([(4097, 1, 1, 1), (4097, 2, 1, 1), (4097, 3, 1, 1)], {}),
    "vect_full_12_12_8": ([(4097, x, 3, 1) for x in [*range(64, 97), 127]], {}),
    "wrap_4095_0": ([(16777120, 1, 10, 1), (16777221, 2, 10, 1), (33550337, 3, 10, 1), (33554439, 4, 10, 1)], {}),
    "x_out_of_range": ([(4097, 1279, 1, 1), (4097, 7, 1, 1)], {"outside": 1}),
    "y_slave_bit": ([(4097, 5, 5, 1), (4097, 6, 6, 1)], {}),
}


@pytest.mark.samples
@pytest.mark.parametrize("name", TORTURE)
@pytest.mark.parametrize("sizes", [[1], [1 << 16]])
def test_evt3_torture_files(samples, name, sizes):
    data = (samples / "torture" / f"evt3_{name}.raw").read_bytes()
    decoder = evt3.open_decoder(plain.PiecesSource(data, sizes))
    events, skipped = TORTURE[name]
    assert decoded(decoder, 3) == (events, skipped)
    header = b"% end\n" if b"% end\n" in data else b"1280x720\n"
    payload = data.partition(header)[2]
    assert plain.evt3(payload) == (events, skipped)


@pytest.mark.samples
def test_every_torture_file_has_its_expectation(samples):
    assert {path.stem.removeprefix("evt3_") for path in (samples / "torture").glob("*.raw")} == set(TORTURE)
