"""EVT 2.0, 2.1, 3.0 and 4 and DAT decode as their rules say, however the bytes arrive and however packets are cut."""

from __future__ import annotations

import struct
from itertools import pairwise

import numpy as np
import plain_prophesee as plain
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventflow.io import dat, evt2, evt3, evt4, evt21
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
            times = [event[0] for event in events]
            assert decoder.steps_back == sum(after < before for before, after in pairwise(times))
            return events, decoder.skipped


# packets too small for the loops that take many words at once, and packets that are not
packet_sizes = st.one_of(st.integers(1, 50), st.sampled_from([64, 100, 1000, 5000]))

# words as a damaged stream has them: mostly of kinds that mean something, with small values that hit the sensor
evt3_word = st.one_of(
    st.builds(lambda kind, value: kind << 12 | value, st.sampled_from([0, 2, 3, 4, 5, 6, 8]), st.integers(0, 4095)),
    st.builds(lambda kind, value: kind << 12 | value, st.sampled_from([0, 2, 3]), st.integers(0, 700)),
    st.integers(0, 0xFFFF),
)
evt3_vector = st.tuples(st.integers(0, 700), st.integers(0, 4095), st.integers(0, 4095), st.integers(0, 255)).map(
    lambda parts: [3 << 12 | parts[0], 4 << 12 | parts[1], 4 << 12 | parts[2], 5 << 12 | parts[3]]
)
evt3_words = st.lists(st.one_of(evt3_word.map(lambda word: [word]), evt3_vector), max_size=300).map(
    lambda parts: b"".join(struct.pack(f"<{len(part)}H", *part) for part in parts)
)
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
evt21_words = st.lists(
    st.one_of(
        st.builds(
            lambda k, t, x, y, mask: (k << 28 | t << 22 | x << 11 | y) | mask << 32,
            st.integers(0, 1),
            st.integers(0, 63),
            st.integers(0, 660),
            st.integers(0, 490),
            st.one_of(st.integers(0, 0xFFFFFFFF), st.sampled_from([0, 1, 0x80000000, 0xFFFFFFFF])),
        ),
        st.builds(lambda value: 8 << 28 | value, st.integers(0, (1 << 28) - 1)),
        st.integers(0, 2**64 - 1),
    ),
    max_size=60,
)
evt4_words = st.lists(
    st.one_of(
        st.builds(
            lambda k, t, x, y: k << 28 | t << 22 | x << 11 | y,
            st.integers(10, 13),
            st.integers(0, 63),
            st.integers(0, 660),
            st.integers(0, 490),
        ),
        st.builds(lambda value: 14 << 28 | value, st.integers(0, (1 << 28) - 1)),
        st.sampled_from([0xFFFFFFFF, 0x60000014, 0x70000000, 0x90000101]),
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
cuts = st.lists(st.one_of(st.integers(1, 40), st.just(1 << 16)), min_size=1, max_size=8)
tails = st.binary(max_size=7)


@settings(max_examples=200, deadline=None)
@given(evt3_words, tails, cuts, packet_sizes)
def test_evt3_equals_the_plain_decoder_for_any_cut(words, tail, sizes, packet_events):
    source = plain.PiecesSource(plain.HEADER3 + words + tail, sizes)
    assert decoded(evt3.open_decoder(source), packet_events) == plain.evt3(words + tail)


@settings(max_examples=100, deadline=None)
@given(evt2_words, tails, cuts, packet_sizes)
def test_evt2_equals_the_plain_decoder_for_any_cut(words, tail, sizes, packet_events):
    source = plain.PiecesSource(plain.HEADER2 + words + tail, sizes)
    assert decoded(evt2.open_decoder(source), packet_events) == plain.evt2(words + tail)


@settings(max_examples=100, deadline=None)
@given(evt21_words, tails, cuts, packet_sizes, st.booleans())
def test_evt21_equals_the_plain_decoder_for_any_cut(words, tail, sizes, packet_events, little):
    if little:
        words = [word >> 32 | (word & 0xFFFFFFFF) << 32 for word in words]
    data = struct.pack(f"<{len(words)}Q", *words) + tail
    source = plain.PiecesSource((plain.HEADER21_LITTLE if little else plain.HEADER21) + data, sizes)
    assert decoded(evt21.open_decoder(source), packet_events) == plain.evt21(data, little=little)


@settings(max_examples=100, deadline=None)
@given(evt4_words, tails, cuts, packet_sizes)
def test_evt4_equals_the_plain_decoder_for_any_cut(words, tail, sizes, packet_events):
    source = plain.PiecesSource(plain.HEADER4 + words + tail, sizes)
    assert decoded(evt4.open_decoder(source), packet_events) == plain.evt4(words + tail)


def test_evt4_words_mean_what_is_known_of_them():
    words = [
        0xA0000801,  # before time: an event is left out
        0xE0000002,  # 128 µs
        0xA0400000 | 3 << 11 | 4,  # OFF at (3, 4), 1 µs later
        0xB0800000 | 5 << 11 | 6,  # ON at (5, 6), 2 µs later
        0xD0C00000 | 32 << 11 | 7,  # ON in row 7 from column 32, 3 µs later,
        0x80000005,  # at 32, 34 and 63
        0xC0C00000 | 64 << 11 | 7,
        0xE0000001,  # a mask that looks like a TIME_HIGH: columns 64, 93, 94, 95
        0x60000014,
        0x70000001,
        0xFFFFFFFF,
        0x20000000,  # a kind that is not known
        0xF0000000,
    ]
    data = struct.pack(f"<{len(words)}I", *words)
    events, skipped = decoded(evt4.open_decoder(plain.PiecesSource(plain.HEADER4 + data, [5])), 3)
    row = [(131, 32, 7, 1), (131, 34, 7, 1), (131, 63, 7, 1), *((131, x, 7, 0) for x in (64, 93, 94, 95))]
    assert events == [(129, 3, 4, 0), (130, 5, 6, 1), *row]
    assert skipped == {"before_time": 1, "reserved": 2}


@pytest.mark.parametrize(
    ("lines", "layout"),
    [
        ("format EVT21;endianness=little", "little"),
        ("format EVT21;endianness=legacy", "legacy"),
        ("endianness little", "little"),
        ("system_ID 48", "legacy"),
        ("system_ID 55", "little"),
        ("system_ID 0x40", "little"),
        ("date today", "legacy"),
    ],
)
def test_evt21_layout_comes_from_the_header(lines, layout):
    header = f"% evt 2.1\n% {lines}\n% geometry 640x480\n% end\n".encode()
    words = [(8 << 28, 0), (1 << 28 | 64 << 11 | 9, 3)]
    halves = [half for word in words for half in (word if layout == "legacy" else word[::-1])]
    decoder = evt21.open_decoder(plain.PiecesSource(header + struct.pack("<4I", *halves), [1 << 16]))
    assert decoded(decoder, 10) == ([(0, 64, 9, 1), (0, 65, 9, 1)], {})
    assert bool(decoder.info.notes) == ("endianness" not in lines)


def test_oddities_of_the_clock_are_noted():
    words = [0x8FFF, 0x0001, 0x6005, 0x2001, 0x6002, 0x2002, 0x8FFF, 0x8001, 0x2003]
    decoder = evt3.open_decoder(plain.PiecesSource(plain.HEADER3 + struct.pack("<9H", *words), [1 << 16]))
    events, _ = decoded(decoder, 10)
    assert [event[0] for event in events] == [4095 * 4096 + 5, 4095 * 4096 + 2, (1 << 24) + 4096]
    assert decoder.noted == {"wraps": 1, "low_back": 1}
    words = [8 << 28 | (1 << 28) - 1, 9 << 22, 2 << 22, 8 << 28 | 3, 1 << 22]
    decoder = evt2.open_decoder(plain.PiecesSource(plain.HEADER2 + struct.pack("<5I", *words), [1 << 16]))
    decoded(decoder, 10)
    assert decoder.noted == {"wraps": 1, "low_back": 1}
    header = b"% Data file containing CD events.\n% Version 2\n% Width 10\n% Height 10\n\x0c\x08"
    decoder = dat.open_decoder(plain.PiecesSource(header + struct.pack("<4I", 2**32 - 1, 0, 3, 0), [1 << 16]))
    assert [event[0] for event in decoded(decoder, 10)[0]] == [2**32 - 1, 2**32 + 3]
    assert decoder.noted == {"wraps": 1}


@settings(max_examples=100, deadline=None)
@given(dat_records, tails, cuts, packet_sizes)
def test_dat_equals_the_plain_decoder_for_any_cut(records, tail, sizes, packet_events):
    header = b"% Data file containing Event2d events.\n% Version 2\n\x00\x08"
    source = plain.PiecesSource(header + records + tail, sizes)
    assert decoded(dat.open_decoder(source), packet_events) == plain.dat(records + tail)


odd_ones = st.lists(st.tuples(st.integers(0, 149), st.integers(0, 0xFFFFFFFF)), max_size=3)


@settings(max_examples=100, deadline=None)
@given(st.integers(33, 150), odd_ones)
def test_evt2_odd_words_in_long_runs_equal_the_plain_decoder(length, odd):
    words = [i * 63 // length << 22 | (i * 7 % 640) << 11 | i * 3 % 480 | i % 2 << 28 for i in range(length)]
    for place, word in odd:
        words[place % length] = word
    data = struct.pack(f"<{length + 1}I", 8 << 28 | 5, *words)
    source = plain.PiecesSource(plain.HEADER2 + data, [1 << 16])
    assert decoded(evt2.open_decoder(source), 1000) == plain.evt2(data)


@settings(max_examples=100, deadline=None)
@given(st.integers(33, 150), odd_ones)
def test_dat_odd_records_in_long_runs_equal_the_plain_decoder(length, odd):
    halves = [half for i in range(length) for half in (i // 3, i * 7 % 304 | i * 3 % 240 << 14 | i % 2 << 28)]
    for place, half in odd:
        halves[place % len(halves)] = half
    data = struct.pack(f"<{len(halves)}I", *halves)
    header = b"% Data file containing Event2d events.\n% Version 2\n\x00\x08"
    source = plain.PiecesSource(header + data, [1 << 16])
    assert decoded(dat.open_decoder(source), 1000) == plain.dat(data)


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


@settings(max_examples=100, deadline=None)
@given(st.integers(33, 150), odd_ones)
def test_evt21_odd_words_in_long_runs_equal_the_plain_decoder(length, odd):
    words = [i * 63 // length << 22 | (i * 7 % 600) << 11 | i * 3 % 480 | i % 2 << 28 for i in range(length)]
    halves = [half for i, word in enumerate(words) for half in (word, 1 << i % 32)]
    for place, half in odd:
        halves[place % len(halves)] = half
    data = struct.pack(f"<{len(halves) + 2}I", 8 << 28 | 5, 0, *halves)
    source = plain.PiecesSource(plain.HEADER21 + data, [1 << 16])
    assert decoded(evt21.open_decoder(source), 1000) == plain.evt21(data)


plain_evt3_word = st.one_of(
    st.integers(0, 719),
    st.builds(lambda x, p: 0x2000 | p << 11 | x, st.integers(0, 1279), st.integers(0, 1)),
)


plain_evt3_vector = st.tuples(
    st.integers(0, 1247), st.integers(0, 1), st.integers(0, 4095), st.integers(0, 4095), st.integers(0, 255)
).map(lambda v: [0x3000 | v[1] << 11 | v[0], 0x4000 | v[2], 0x4000 | v[3], 0x5000 | v[4]])
plain_evt3_words = st.one_of(
    st.lists(plain_evt3_word, min_size=16, max_size=64),
    st.lists(st.one_of(plain_evt3_word.map(lambda word: [word]), plain_evt3_vector), min_size=8, max_size=40).map(
        lambda parts: [word for part in parts for word in part]
    ),
)


@settings(max_examples=200, deadline=None)
@given(
    plain_evt3_words,
    st.lists(st.integers(0, 4095), max_size=8).map(sorted),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 0xFFFF)), max_size=3),
    st.sampled_from([1 << 16, 77, 400]),
)
def test_evt3_odd_words_in_long_runs_equal_the_plain_decoder(pattern, lows, odd, piece):
    words = [0x3005, *pattern * (1500 // len(pattern))]
    for number, low in enumerate(lows):
        words.insert(number * 150 + 40, 0x6000 | low)
    for place, word in odd:
        words[place % len(words)] = word
    data = struct.pack(f"<{len(words) + 2}H", 0x8005, 0x0007, *words)
    source = plain.PiecesSource(plain.HEADER3 + data, [piece])
    assert decoded(evt3.open_decoder(source), 5000) == plain.evt3(data)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.one_of(st.integers(0, 63), st.integers(0, 1000)), min_size=10, max_size=60).map(sorted),
    st.integers(0, 3),
    odd_ones,
    st.sampled_from([1 << 16, 77, 400]),
)
def test_evt2_times_among_events_equal_the_plain_decoder(steps, repeated, odd, piece):
    words, high = [], -1
    for turn in range(300 // len(steps)):
        for number, step in enumerate(steps):
            t = 1000 * turn + step
            if t >> 6 != high or number % 4 < repeated:
                high = t >> 6
                words.append(8 << 28 | high)
            words.append((t & 63) << 22 | (number * 7 % 640) << 11 | number * 3 % 480 | number % 2 << 28)
    for place, word in odd:
        words[place % len(words)] = word
    data = struct.pack(f"<{len(words)}I", *words)
    source = plain.PiecesSource(plain.HEADER2 + data, [piece])
    assert decoded(evt2.open_decoder(source), 1000) == plain.evt2(data)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(1, 4)), min_size=10, max_size=60).map(sorted),
    st.integers(0, 3),
    odd_ones,
    st.sampled_from([1 << 16, 77, 400]),
    st.booleans(),
)
def test_evt21_small_vectors_and_times_equal_the_plain_decoder(steps, repeated, odd, piece, little):
    halves, high = [], -1
    for turn in range(200 // len(steps)):
        for number, (step, pixels) in enumerate(steps):
            t = 500 * turn + step
            if t >> 6 != high or number % 4 < repeated:
                high = t >> 6
                halves += [0, 8 << 28 | high]
            header = (t & 63) << 22 | (number * 7 % 600) << 11 | number * 3 % 480 | number % 2 << 28
            halves += [0x8421_0010 >> number % 5 if pixels > 2 else pixels << number, header]
    for place, half in odd:
        halves[place % len(halves)] = half
    halves = [half & 0xFFFF_FFFF for half in halves]
    if not little:
        halves = [half for k in range(0, len(halves), 2) for half in halves[k : k + 2][::-1]]
    data = struct.pack(f"<{len(halves)}I", *halves)
    source = plain.PiecesSource((plain.HEADER21_LITTLE if little else plain.HEADER21) + data, [piece])
    assert decoded(evt21.open_decoder(source), 1000) == plain.evt21(data, little=little)
