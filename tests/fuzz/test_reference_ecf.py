"""Chunks of ECF give what a decoder gives that takes one number at a time, whatever they hold."""

from __future__ import annotations

import struct

import h5py
import numpy as np
import reference_ecf as ecf
from hypothesis import example, given, settings
from hypothesis import strategies as st
from recording_kit import make

import eventflow.io as io
from eventflow.io import prophesee_hdf5_kernels as kernels
from eventflow.io import prophesee_hdf5_packing as packing

MOST = 64
_GUARD = 16
_settings = settings(max_examples=400, derandomize=True, deadline=None, database=None)
BYTES = st.sampled_from([0x01, 0x02, 0x11, 0x13, 0x0F, 0xF1, 0xFF, 0x7F, 0xFE, 0x00]) | st.integers(0, 255)
TIMES = st.sampled_from([0, 5, -3, 1 << 40, (1 << 63) - 20, -(1 << 63)])


def assert_same(data: bytes) -> None:
    """The chunk decodes as the reference says, and nothing beyond the room for it is written."""
    count, expected = ecf.chunk(data, MOST)
    whole = np.full(2 * (MOST + kernels.SLACK + 2 * _GUARD), -7, np.int64)
    out = whole[2 * _GUARD : -2 * _GUARD]
    said, sound = kernels.decode(np.frombuffer(data, np.uint8), out, MOST)
    assert (said, sound) == (count, len(expected))
    found = [(int(t), int(v) & 0xFFFF, int(v) >> 16 & 0xFFFF, int(v) >> 32) for t, v in out.reshape(-1, 2)[:sound]]
    assert found == [tuple(each) for each in expected]
    assert (whole[: 2 * _GUARD] == -7).all()
    assert (whole[-2 * _GUARD :] == -7).all()


def packed(rows: list[tuple[int, int, int, int]]) -> bytes:
    """The chunk our encoder makes of (step, x, y, p)."""
    step, x, y, p = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    data = np.zeros(packing.LONGEST_CHUNK_BYTES, np.uint8)
    events = make(np.cumsum(step), x=x, y=y, p=p, width=2048, height=2048)
    return data[: packing.encode(events.records.view(np.int64), data)].tobytes()


@_settings
@given(count=st.integers(0, MOST + 2), mode=st.integers(0, 3), t=TIMES, body=st.lists(BYTES, max_size=150).map(bytes))
@example(count=1, mode=0, t=(1 << 63) - 20, body=b"\xff" * 20 + b"\x11" + bytes(9))
def test_any_bytes(count, mode, t, body):
    assert_same(struct.pack("<Iq", count << 2 | mode, t) + body)


EVENTS = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 0, 1, 14, 15, 300, 1 << 33]), st.integers(0, 9) | st.integers(0, 2047),
        st.sampled_from([3, 3, 3, 4, 2047]), st.integers(0, 1),
    ),
    min_size=1, max_size=MOST,
)  # fmt: skip


@_settings
@given(
    rows=EVENTS, cut=st.integers(0, 40), flips=st.lists(st.tuples(st.integers(0, 500), st.integers(0, 7)), max_size=3)
)
def test_chunks_of_the_encoder_whole_and_damaged(rows, cut, flips):
    whole = packed(rows)
    count, events = ecf.chunk(whole, MOST)
    times = np.cumsum([row[0] for row in rows]).tolist()
    assert count == len(rows)
    assert [tuple(each) for each in events] == [(t, *row[1:]) for t, row in zip(times, rows, strict=True)]
    assert_same(whole)
    hurt = bytearray(whole[: len(whole) - cut])
    for at, bit in flips:
        hurt[at % max(len(hurt), 1) : at % max(len(hurt), 1) + 1] = (
            bytes([hurt[at % len(hurt)] ^ 1 << bit]) if hurt else b""
        )
    assert_same(bytes(hurt))


@settings(max_examples=15, derandomize=True, deadline=None, database=None)
@given(body=st.lists(BYTES, max_size=200).map(bytes), mode=st.integers(0, 3), count=st.integers(0, 30))
def test_a_file_with_such_a_chunk(tmp_path_factory, body, mode, count):
    path = io.write(make(np.arange(100)), tmp_path_factory.mktemp("ecf") / "a.hdf5")
    data = struct.pack("<Iq", count << 2 | mode, 7) + body
    with h5py.File(path, "a") as file:
        file["CD/events"].id.write_direct_chunk((0,), data)
        (width, height) = map(int, file.attrs["geometry"].split("x"))
    said, sound = ecf.chunk(data, 1 << 14)
    inside = [tuple(each) for each in sound[:100] if each.x < width and each.y < height]
    with io.open(path) as recording:
        events = recording.all_events()
        skipped = dict(recording.skipped)
    assert [tuple(row) for row in zip(*(getattr(events, name).tolist() for name in "txyp"), strict=True)] == inside
    assert skipped.get("damaged", 0) == 100 - min(len(sound), 100)
    assert skipped.get("outside", 0) == min(len(sound), 100) - len(inside)
    assert said == count
