"""The compiled decoders give what decoders give that take one record at a time, for any bytes and any chunks."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import reference_others as others
import reference_prophesee as prophesee
from hypothesis import given, settings
from hypothesis import strategies as st
from recording_kit import decoded

from eventflow.io.aedat2_chips import chip_named

WIDTH, HEIGHT = 40, 30
_settings = settings(max_examples=250, derandomize=True, deadline=None, database=None)
SIZES = st.sampled_from([(1 << 12,), (1,), (7, 1, 33)])
FLAGS = st.integers(0, 3)
THREE_BYTES = st.binary(min_size=3, max_size=3)
CHUNKS = st.sampled_from([1 << 30, 1, 3, 17])
HEADER = b"%% evt %s\n%% geometry 40x30\n%s%% end\n"


def words(kinds: list[int], kind_at: int, bits: int) -> st.SearchStrategy[int]:
    """Words of likely kinds whose fields are small, so that they meet; now and then any word."""
    small = st.tuples(st.sampled_from(kinds), st.integers(0, 63), st.sampled_from([0, 1, 1 << 11, 1 << 22, 1 << 27]))
    likely = small.map(lambda each: (each[0] << kind_at | each[1] | each[2] & (1 << kind_at) - 1) % (1 << bits))
    return st.one_of(likely, likely, likely, st.integers(0, (1 << bits) - 1))


def payload(word: st.SearchStrategy[int], code: str) -> st.SearchStrategy[bytes]:
    """Words as bytes, and a few bytes more."""
    packed = st.lists(word, max_size=120).map(lambda all_: struct.pack(f"<{len(all_)}{code}", *all_))
    return st.tuples(packed, st.binary(max_size=3)).map(b"".join)


def assert_same(found, expected, skipped=None) -> None:
    events, decoder = found
    got = np.stack([events[name].astype("i8") for name in "txyp"], axis=1).tolist() if len(events) else []
    assert got == [list(each) for each in expected]
    if skipped is not None:
        assert {reason: n for reason, n in decoder.skipped.items() if n} == skipped


@_settings
@given(data=payload(words([0, 2, 3, 4, 5, 6, 8, 8, 10, 12, 14], 12, 16), "H"), sizes=SIZES, chunk=CHUNKS)
def test_evt3(data, sizes, chunk):
    expected, skipped = prophesee.evt3(data, WIDTH, HEIGHT)
    assert_same(decoded("evt3", HEADER % (b"3.0", b"") + data, sizes=sizes, most_bytes=chunk), expected, skipped)


@_settings
@given(data=payload(words([0, 1, 8, 8, 10, 14, 5], 28, 32), "I"), sizes=SIZES, chunk=CHUNKS)
def test_evt2(data, sizes, chunk):
    expected, skipped = prophesee.evt2(data, WIDTH, HEIGHT)
    assert_same(decoded("evt2", HEADER % (b"2.0", b"") + data, sizes=sizes, most_bytes=chunk), expected, skipped)


@_settings
@given(
    halves=st.lists(
        st.tuples(words([0, 1, 8, 8, 10, 3], 28, 32), st.sampled_from([0, 1, 1 << 31, 0xF0F, (1 << 32) - 1])),
        max_size=60,
    ),
    tail=st.binary(max_size=7),
    layout=st.sampled_from(["legacy", "little"]),
    sizes=SIZES,
    chunk=CHUNKS,
)
def test_evt21(halves, tail, layout, sizes, chunk):
    data = b"".join(struct.pack("<II", *(each if layout == "legacy" else each[::-1])) for each in halves) + tail
    expected, skipped = prophesee.evt21(data, layout, WIDTH, HEIGHT)
    header = HEADER % (b"2.1", f"% endianness {layout}\n".encode())
    assert_same(decoded("evt21", header + data, sizes=sizes, most_bytes=chunk), expected, skipped)


@_settings
@given(
    records=st.lists(
        st.tuples(st.sampled_from([0, 5, 1 << 31, (1 << 32) - 1]) | st.integers(0, 1 << 20), words([0, 1, 3], 28, 32)),
        max_size=80,
    ),
    tail=st.binary(max_size=7),
    sizes=SIZES,
    chunk=CHUNKS,
)
def test_dat(records, tail, sizes, chunk):
    data = b"".join(struct.pack("<II", *each) for each in records) + tail
    expected, skipped = prophesee.dat(data, WIDTH, HEIGHT)
    header = b"% Data file containing CD events.\n% Version 2\n% Height 30\n% Width 40\n\x0c\x08"
    assert_same(decoded("dat", header + data, sizes=sizes, most_bytes=chunk), expected, skipped)


@_settings
@given(
    pieces=st.lists(
        st.sampled_from([b"\xff", b"\xfe", b"\xfd", b"\xfc"])
        | st.tuples(st.integers(0, 255), st.integers(0, 45), st.integers(0, 35)).map(lambda e: struct.pack("<BHH", *e)),
        max_size=80,
    ),
    tail=st.binary(max_size=4),
    atis=st.booleans(),
    sizes=SIZES,
    chunk=CHUNKS,
)
def test_event_stream(pieces, tail, atis, sizes, chunk):
    data = b"".join(pieces) + tail
    expected, skipped = others.event_stream(data, atis=atis, width=WIDTH, height=HEIGHT)
    header = b"Event Stream\x02\x00\x00" + bytes([2 if atis else 1]) + struct.pack("<HH", WIDTH, HEIGHT)
    assert_same(decoded("es", header + data, sizes=sizes, most_bytes=chunk), expected, skipped)


@_settings
@given(
    records=st.lists(st.tuples(st.integers(0, 45), st.sampled_from([0, 29, 30, 240]), THREE_BYTES),
                     max_size=80),
    tail=st.binary(max_size=4),
    sizes=SIZES,
    chunk=CHUNKS,
)  # fmt: skip
def test_address_bin(records, tail, sizes, chunk):
    data = b"".join(bytes(each[:2]) + each[2] for each in records) + tail
    expected, skipped = others.address_bin(data, WIDTH, HEIGHT)
    found = decoded("nmnist", data, sizes=sizes, most_bytes=chunk, width=WIDTH, height=HEIGHT)
    assert_same(found, expected, skipped)


@_settings
@given(
    records=st.lists(
        st.tuples(
            st.integers(0, 400), st.integers(0, 300), st.integers(0, 3), st.sampled_from([0, 9, 1 << 31, 2**32 - 1])
        ),
        max_size=80,
    ),
    sizes=SIZES,
    chunk=CHUNKS,
)
def test_aedat_2_of_a_davis(records, sizes, chunk):
    data = b"".join(struct.pack(">II", y << 22 | x << 12 | flags << 10, t) for x, y, flags, t in records)
    header = b"#!AER-DAT2.0\r\n# AEChip: eu.seebetter.ini.chips.davis.Davis346blue\r\n#End Of ASCII Header\r\n"
    expected, skipped = others.jaer(data, 8, chip_named("davis346").layout, 346, 260)
    assert_same(decoded("aedat2", header + data, sizes=sizes, most_bytes=chunk), expected, skipped)


@_settings
@given(
    packets=st.lists(
        st.tuples(st.sampled_from([0, 1, 1, 1]), st.integers(0, 2), st.integers(0, 4),
                  st.lists(st.tuples(st.integers(0, 45), st.integers(0, 35), FLAGS, st.integers(0, 2**31 - 1)),
                           min_size=1, max_size=20)),
        max_size=6,
    ),
    sizes=SIZES,
    chunk=CHUNKS,
)  # fmt: skip
def test_aedat_31(packets, sizes, chunk):
    data = b""
    for kind, overflow, spare, rows in packets:
        records = b"".join(struct.pack("<Ii", x << 17 | y << 2 | flags, t) for x, y, flags, t in rows)
        valid = sum(flags & 1 for _, _, flags, _ in rows)
        head = struct.pack("<hhiiiiii", kind, 0, 8, 4, overflow, len(rows) + spare, len(rows), valid)
        data += head + records + bytes(8 * spare)
    header = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 0: DVS128\r\n#!END-HEADER\r\n"
    expected, skipped = others.aedat_3(data, 40, 30)
    found = decoded("aedat3", header + data, sizes=sizes, most_bytes=chunk, width=40, height=30)
    if found[1].info.width == 40:
        assert_same(found, expected, skipped)
    else:
        pytest.fail("the size given is not taken")
