"""Several threads decode a RAW recording to exactly what one thread makes of it."""

from __future__ import annotations

import os
import struct
import threading

import numpy as np
import plain_prophesee as plain
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recording_kit import make
from test_prophesee_decoders import dat_records, decoded, evt2_words, evt3_words, evt4_words, evt21_words, tails

import eventflow as ef
from eventflow.errors import ParameterError
from eventflow.io import dat, evt, evt2, evt3, evt4, evt21, evt_parts, recording
from eventflow.io.source import ByteSource

SPREAD = pytest.mark.parametrize(("guess_words", "chunk_bytes"), [(1, 1 << 18), (50, 16), (1 << 16, 64)])
MANY = settings(max_examples=150, deadline=None)

# what a damaged or merged stream may hold at the place where it is cut: times that fall by little and by half their
# range, rows, events, vectors and their base, OTHERS and CONTINUED, triggers, reserved kinds, padding
ODD3 = (0x8000, 0x8FFF, 0x8123, 0x6000, 0x6FFF, 0x0005, 0x27FF, 0x2003, 0x3010, 0x4FFF, 0x50F1)
ODD3 += (0xE123, 0x7456, 0xF123, 0xA001, 0x1000, 0x9999, 0xB000)
ODD2 = (
    8 << 28,
    9 << 27 | 0xFFF_FFFF,
    8 << 28 | 99,
    0x10,
    0xFFFF_FFFF,
    0x1000_0005,
    0xE000_0001,
    0xF000_0001,
    0xA000_0001,
)
ODD2 += (0x5000_0000, 63 << 22 | 5 << 11 | 5, 2047 << 11)


@pytest.fixture(autouse=True)
def tiny_parts(monkeypatch):
    monkeypatch.setattr(evt_parts, "PART_BYTES", 4)
    monkeypatch.setattr(recording, "_SAMPLE_EVENTS", 3)


@pytest.fixture
def joins(monkeypatch):
    """How many events each successful decoding in parts gave, and how many there were to give."""
    seen = []

    def watched(decoder, out, threads):
        parts = decode_parts(decoder, out, threads)
        seen.append(None if parts is None else (parts.count, parts.end == decoder.source.size))
        return parts

    decode_parts = evt_parts.decode_parts
    monkeypatch.setattr(evt, "decode_parts", watched)
    return seen


def in_parts(module, data, path, threads, packet_events):
    """Decode with a decoder that uses its threads whenever it is asked for events."""
    path.write_bytes(data)
    with ByteSource(path) as opened:
        decoder = module.open_decoder(opened)
        decoder.threads = threads
        return decoded(decoder, packet_events)


def everything(path, threads, **options):
    """All that `read` gives and counts, the records as plain numbers, pad bytes among them."""
    with ef.open(path, **options) as opened:
        events = opened.all_events(threads=threads)
        return events.records.view(np.int64).tolist(), opened.skipped, opened.steps_back, events.ordered


def assert_same(path, threads=2, **options):
    assert everything(path, threads, **options) == everything(path, 1, **options)


def stream3(steps, step_us):
    """EVT3 words of a calm sensor that wraps its 24-bit time every so often."""
    words = []
    for i in range(steps):
        t = i * step_us
        words += [8 << 12 | t >> 12 & 0xFFF, 6 << 12 | t & 0xFFF, i % 720, 2 << 12 | i % 1280, 2 << 12 | i % 7]
        if i % 5 == 0:
            words += [3 << 12 | i % 1200, 4 << 12 | i * 37 & 0xFFF, 4 << 12 | i * 51 & 0xFFF, 5 << 12 | i & 0xFF]
    return words


def stream2(steps, step_us):
    """EVT2 words of a calm sensor that wraps its 34-bit time every so often."""
    words = []
    for i in range(steps):
        t = i * step_us
        words += [
            8 << 28 | t >> 6 & 0xFFFFFFF,
            *((k & 1) << 28 | k << 22 | i % 640 << 11 | i % 480 for k in range(i % 9)),
        ]
    return words


def packed(words, form):
    return struct.pack(f"<{len(words)}{form}", *words)


@SPREAD
def test_any_evt3_words_in_parts_equal_the_plain_decoder(tmp_path, monkeypatch, guess_words, chunk_bytes):
    monkeypatch.setattr(evt_parts, "GUESS_WORDS", guess_words)
    monkeypatch.setattr(evt_parts, "CHUNK_BYTES", chunk_bytes)

    @MANY
    @given(evt3_words, tails, st.integers(2, 4), st.sampled_from([1, 17, 64, 100, 1000, 10_000]))
    def check(words, tail, threads, room):
        data = plain.HEADER3 + words + tail
        assert in_parts(evt3, data, tmp_path / "a.raw", threads, room) == plain.evt3(words + tail)

    check()


@SPREAD
def test_any_evt2_words_in_parts_equal_the_plain_decoder(tmp_path, monkeypatch, guess_words, chunk_bytes):
    monkeypatch.setattr(evt_parts, "GUESS_WORDS", guess_words)
    monkeypatch.setattr(evt_parts, "CHUNK_BYTES", chunk_bytes)

    @MANY
    @given(evt2_words, tails, st.integers(2, 4), st.sampled_from([1, 17, 64, 100, 1000, 10_000]))
    def check(words, tail, threads, room):
        data = plain.HEADER2 + words + tail
        assert in_parts(evt2, data, tmp_path / "a.raw", threads, room) == plain.evt2(words + tail)

    check()


OTHERS = {
    "evt21": (evt21, plain.HEADER21, evt21_words.map(lambda words: packed(words, "Q")), plain.evt21),
    "evt4": (evt4, plain.HEADER4, evt4_words, plain.evt4),
    "dat": (dat, b"% Data file containing Event2d events.\n% Version 2\n\x00\x08", dat_records, plain.dat),
}


@SPREAD
@pytest.mark.parametrize("name", OTHERS)
def test_any_other_words_in_parts_equal_the_plain_decoder(tmp_path, monkeypatch, name, guess_words, chunk_bytes):
    monkeypatch.setattr(evt_parts, "GUESS_WORDS", guess_words)
    monkeypatch.setattr(evt_parts, "CHUNK_BYTES", chunk_bytes)
    module, header, some_words, reference = OTHERS[name]

    @settings(parent=MANY, max_examples=60)
    @given(some_words, tails, st.integers(2, 4), st.sampled_from([1, 17, 64, 100, 1000, 10_000]))
    def check(words, tail, threads, room):
        data = header + words + tail
        assert in_parts(module, data, tmp_path / "a", threads, room) == reference(words + tail)

    check()


STREAMS = pytest.mark.parametrize(
    ("module", "header", "stream", "form", "step_us", "odd"),
    [
        (evt3, plain.HEADER3, stream3, "H", 100_000, ODD3),
        (evt2, plain.HEADER2, stream2, "I", 100_000_000, ODD2),
    ],
    ids=["evt3", "evt2"],
)


@STREAMS
def test_odd_words_at_the_seam(tmp_path, monkeypatch, module, header, stream, form, step_us, odd):
    monkeypatch.setattr(evt_parts, "GUESS_WORDS", 60)
    monkeypatch.setattr(evt_parts, "CHUNK_BYTES", 256)
    reference = plain.evt3 if module is evt3 else plain.evt2

    @MANY
    @given(
        st.integers(20, 300),
        st.lists(st.tuples(st.integers(-12, 12), st.sampled_from(odd)), max_size=6),
        st.integers(0, 60),
        st.sampled_from([64, 2000, 10_000]),
    )
    def check(steps, insertions, cut_off, room):
        words = stream(steps, step_us)[cut_off:]
        for offset, word in insertions:
            words.insert(max(0, len(words) // 2 + offset), word)
        data = packed(words, form)
        assert in_parts(module, header + data, tmp_path / "a.raw", 2, room) == reference(data)

    check()


@STREAMS
@pytest.mark.parametrize("threads", [2, 3, 5])
def test_a_calm_stream_is_decoded_once(
    tmp_path, monkeypatch, joins, threads, module, header, stream, form, step_us, odd
):
    monkeypatch.setattr(evt_parts, "GUESS_WORDS", 60)
    monkeypatch.setattr(evt_parts, "CHUNK_BYTES", 256)
    words = stream(600, step_us)
    data = packed(words, form)
    events, skipped = in_parts(module, header + data, tmp_path / "a.raw", threads, 20_000)
    assert (events, skipped) == (plain.evt3 if module is evt3 else plain.evt2)(data)
    assert events[-1][0] > 3 * (1 << 24), "time has wrapped"
    assert joins[0] == (len(events), True), "no part was decoded again"


@STREAMS
def test_a_wrap_that_the_survey_misses_shifts_times(
    tmp_path, monkeypatch, joins, module, header, stream, form, step_us, odd
):
    monkeypatch.setattr(evt_parts, "GUESS_WORDS", 60)  # and one chunk, of which one time is looked at
    data = packed(stream(600, step_us), form)
    events, skipped = in_parts(module, header + data, tmp_path / "a.raw", 2, 20_000)
    assert (events, skipped) == (plain.evt3 if module is evt3 else plain.evt2)(data)
    assert joins[0] == (len(events), True)


def test_events_left_out_before_the_seam_leave_no_gap(tmp_path, joins):
    words = [2 << 12 | 5, 4 << 12 | 7] * 40 + stream3(300, 50)
    words[200:200] = [2 << 12 | 2000] * 9
    data = packed(words, "H")
    events, skipped = in_parts(evt3, plain.HEADER3 + data, tmp_path / "a.raw", 2, 5000)
    assert (events, skipped) == plain.evt3(data)
    assert skipped == {"before_time": 160, "outside": 9}
    assert joins[0] == (len(events), True)


def test_a_state_older_than_the_guess_is_found_out(tmp_path, monkeypatch, joins):
    monkeypatch.setattr(evt_parts, "GUESS_WORDS", 10)
    data = packed([0x8001, 0x6001, 0x0007, *([0x2005] * 400)], "H")
    assert in_parts(evt3, plain.HEADER3 + data, tmp_path / "a.raw", 2, 5000) == plain.evt3(data)
    assert joins[0] == (198, False)


@pytest.mark.parametrize("change", ["shorter", "other"])
def test_a_file_that_changes_meanwhile_is_decoded_by_one_thread(tmp_path, monkeypatch, joins, change):
    path = tmp_path / "a.raw"
    begin = [0x8001, 0x0007, *[0x6001] * 300]
    before, after = (packed(begin + [word] * 1000, "H") for word in (0x6001, 0x2005))
    path.write_bytes(plain.HEADER3 + before)
    placed = evt_parts._placed

    def and_changed(*given):
        parts = placed(*given)
        path.write_bytes(plain.HEADER3 + (after[:1000] if change == "shorter" else after))
        return parts

    monkeypatch.setattr(evt_parts, "_placed", and_changed)
    with ByteSource(path) as opened:
        decoder = evt3.open_decoder(opened)
        decoder.threads = 2
        events, skipped = decoded(decoder, 5000)
    assert joins == [None] * len(joins)
    assert (events, skipped) == plain.evt3(after[:1000] if change == "shorter" else after)


@settings(max_examples=20, deadline=None)
@given(st.binary(max_size=5), st.sampled_from([None, 100_000]), st.sampled_from(["keep", "clamp", "drop"]))
def test_read_is_the_same_with_threads(tmp_path_factory, tail, start, backwards):
    path = tmp_path_factory.mktemp("read") / "a.raw"
    words = stream3(200, 500)
    words[700:700] = [6 << 12 | 3]
    path.write_bytes(plain.HEADER3 + packed(words, "H") + tail)
    for threads in (2, 3):
        assert_same(path, threads, start=start, end=80_000_000, backwards=backwards)
        assert_same(path, threads, origin="zero")


@pytest.mark.samples
@pytest.mark.parametrize(
    "name", ["gen3.evt2.raw", "gen3_fx3.evt2.raw", "gen41_vectors.evt3.raw", "imx636_time_wrap.evt3.raw"]
)
def test_samples_are_the_same_with_threads(samples, tmp_path, joins, name):
    data = (samples / "evt" / name).read_bytes()
    module = evt2 if "evt2" in name else evt3
    room = len(data)
    one = in_parts(module, data, tmp_path / "a.raw", 1, room)
    for threads in (2, 3):
        assert in_parts(module, data, tmp_path / "a.raw", threads, room) == one
        assert joins.pop(0) == (len(one[0]), True)


@pytest.mark.samples
def test_torture_files_are_the_same_with_threads(samples):
    for path in sorted((samples / "torture").glob("*.raw")):
        assert_same(path)


def test_triggers_do_not_depend_on_a_read_with_threads(tmp_path):
    path = tmp_path / "a.raw"
    words = stream3(100, 50)
    words[250:250] = [0xA001, 0xA100]
    path.write_bytes(plain.HEADER3 + packed(words, "H"))
    with ef.open(path) as opened:
        before = [m.value.tolist() for m in opened.messages("triggers")]
        opened.all_events(threads=2)
        assert [m.value.tolist() for m in opened.messages("triggers")] == before == [[1, 0]]


def test_other_formats_and_pipes_use_one_thread(tmp_path, joins):
    events = make(range(0, 20_000, 7))
    for name in ("a.npz", "a.csv", "a.aedat4"):
        ef.write(events, tmp_path / name)
        assert_same(tmp_path / name, 2)
    pipe = tmp_path / "pipe.raw"
    os.mkfifo(pipe)
    data = plain.HEADER3 + packed(stream3(100, 50), "H")
    writer = threading.Thread(target=pipe.write_bytes, args=(data,))
    writer.start()
    assert len(ef.read(pipe, threads=2)) == len(plain.evt3(data[len(plain.HEADER3) :])[0])
    writer.join()
    assert joins == []


@pytest.mark.parametrize("threads", [0, -1])
def test_a_number_of_threads_below_one_is_refused(tmp_path, threads):
    path = tmp_path / "a.raw"
    path.write_bytes(plain.HEADER3)
    with pytest.raises(ParameterError, match="at least one"):
        ef.read(path, threads=threads)


def test_several_threads_are_used_unasked_for_large_files_only(monkeypatch):
    monkeypatch.setattr(evt_parts, "_cores", lambda: 8)
    assert evt_parts.threads_for(None, evt_parts.WORTH_BYTES - 1) == 1
    assert evt_parts.threads_for(None, evt_parts.WORTH_BYTES) == 4
    assert evt_parts.threads_for(3, 8) == 2
    monkeypatch.setattr(evt_parts, "_cores", lambda: 1)
    assert evt_parts.threads_for(None, evt_parts.WORTH_BYTES) == 1
