"""What every format of this kind promises: what was written is read, however it was cut, and damage ends nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recording_kit import HEIGHT, WIDTH, assert_same, cut, damage, decoded, encoded, make, recordings, survives

import eventflow.io.aedat4_encoder as aedat4_encoder

CASES = [
    pytest.param("aedat4", {"compression": "none"}, {}, id="aedat4-none"),
    pytest.param("aedat4", {"compression": "lz4"}, {}, id="aedat4-lz4"),
    pytest.param("aedat4", {"compression": "lz4"}, {"batches_ahead": 0}, id="aedat4-lz4-one-thread"),
    pytest.param("aedat4", {"compression": "lz4_high"}, {}, id="aedat4-lz4_high"),
    pytest.param("aedat4", {"compression": "zstd"}, {}, id="aedat4-zstd"),
    pytest.param("aedat4", {"compression": "zstd_high"}, {}, id="aedat4-zstd_high"),
    pytest.param("es", {}, {}, id="es"),
    pytest.param("es", {"kind": "atis"}, {}, id="es-atis"),
    pytest.param("nmnist", {}, {"width": WIDTH, "height": HEIGHT}, id="nmnist"),
    pytest.param("csv", {}, {}, id="csv"),
    pytest.param("csv", {"unit": "ns", "separator": "\t"}, {}, id="csv-ns-tab"),
    pytest.param("csv", {"unit": "ms", "separator": ";"}, {}, id="csv-ms-semicolon"),
    pytest.param(
        "csv",
        {"unit": "s", "separator": " ", "header": False},
        {"width": WIDTH, "height": HEIGHT, "unit": "s", "columns": "txyp"},
        id="csv-rpg",
    ),
    pytest.param("zip", {}, {"unit": "s", "columns": "txyp"}, id="zip"),
    pytest.param("npz", {}, {}, id="npz"),
    *(
        pytest.param(name, {"compression": compression}, {}, id=f"{name}-{compression}")
        for name in ("dsec", "m3ed", "mvsec", "event_utils")
        for compression in ("zstd", "gzip", "none")
    ),
    pytest.param("npz", {"compressed": True}, {}, id="npz-compressed"),
]
SORTED = ("es", "nmnist", "dsec", "m3ed")
quick = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture(autouse=True)
def small_packets(monkeypatch):
    monkeypatch.setattr(aedat4_encoder, "PACKET_EVENTS", 16)


def limits(format_name):
    # Event Stream pays a byte for each 127 µs of silence, N-MNIST a record for 8 ms, so their recordings begin near 0
    # and those of HDF5 with an index of milliseconds not far from there
    return {"most_us": 10_000} if format_name in SORTED else {}


@pytest.mark.parametrize(("name", "write", "read"), CASES)
@quick
@given(data=st.data())
def test_bytes_do_not_depend_on_packets(name, write, read, data):
    events = data.draw(recordings(**limits(name)))
    assert encoded(name, cut(data.draw, events), **write) == encoded(name, [events], **write)


@pytest.mark.parametrize(("name", "write", "read"), CASES)
@quick
@given(data=st.data())
def test_what_was_written_is_read(name, write, read, data):
    events = data.draw(recordings(ordered=name in SORTED, **limits(name)))
    sizes = data.draw(st.lists(st.integers(1, 40), min_size=1, max_size=3))
    most = data.draw(st.sampled_from([3, 7, 64, 1 << 20]))
    if not len(events) and "header" in write:
        return  # a file of nothing is no text
    records, decoder = decoded(name, encoded(name, [events], **write), sizes=sizes, most_bytes=most, **read)
    assert_same(records, events)
    assert decoder.skipped == {}
    assert (decoder.info.width, decoder.info.height) == (WIDTH, HEIGHT)


@pytest.mark.parametrize(("name", "write", "read"), CASES)
@settings(parent=quick, max_examples=60)
@given(data=st.data())
def test_damage_gives_events_counts_or_a_clear_error(name, write, read, data):
    events = make(np.arange(100) * 37)
    survives(name, data.draw(damage(encoded(name, [events], **write))), **read)


@pytest.mark.parametrize("name", ["aedat4", "es", "nmnist", "csv", "zip", "npz", "npy", "dsec"])
@settings(parent=quick, max_examples=60)
@given(data=st.binary(max_size=400))
def test_garbage_gives_a_clear_error_or_nothing(name, data):
    magic = {
        "aedat4": b"#!AER-DAT4.0\r\n",
        "es": b"Event Stream\2\0\0\1",
        "npy": b"\x93NUMPY\1\0",
        "npz": b"PK\3\4",
        "dsec": b"\x89HDF\r\n\x1a\n",
    }
    survives(name, data)
    survives(name, magic.get(name, b"") + data)


@pytest.mark.parametrize(("name", "write", "read"), [case for case in CASES if case.values[0] not in SORTED])
def test_negative_times(name, write, read):
    events = make([-5_000_001, -1, 0, 3])
    assert_same(decoded(name, encoded(name, [events], **write), **read)[0], events)


@pytest.mark.parametrize(("name", "write", "read"), CASES)
def test_padding_in_memory_does_not_reach_the_file(name, write, read):
    events = make(np.arange(20))
    dirty = events.records.copy()
    dirty.view(np.uint8).reshape(-1, 16)[:, 13:] = 255
    same = type(events)(dirty, WIDTH, HEIGHT)
    assert encoded(name, [same], **write) == encoded(name, [events], **write)
