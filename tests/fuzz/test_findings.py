"""The smallest inputs of what the fuzzers found and nothing else tests."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
from checking import GuardedBatch
from seeds import events
from test_special_inputs import array_head

import eventflow.io as io
from eventflow.errors import EventflowError
from eventflow.io.source import open_source
from eventflow.io.table import format_named

_TIMES_OF_EIGHT = "[('t', '8f8'), ('x', '<u2'), ('y', '<u2'), ('p', 'u1')]"
_TIMES_OF_NINE = "[('t', '<i8', (3, 3)), ('x', '<u2'), ('y', '<u2'), ('p', 'u1')]"


@pytest.mark.parametrize(
    "descr",
    [
        "'8f8'", "'V8'", "'V0'", "[('t', '<i8'), ('x', '<u2', (3,)), ('y', '<u2'), ('p', 'u1')]",
        _TIMES_OF_EIGHT, _TIMES_OF_NINE,
    ],
)  # fmt: skip
def test_items_that_are_more_than_a_number_never_leave_the_batch(tmp_path, descr):
    path = tmp_path / "a.npy"
    path.write_bytes(array_head("(60, 4)" if "[" not in descr else "(60,)", descr) + bytes(60 * 4 * 64))
    batch = GuardedBatch(7)
    with open_source(path) as source, pytest.raises(EventflowError, match=_refusal(descr)):
        _fill(source, batch)
    batch.check()


@pytest.mark.parametrize("descr", ["'8f8'", _TIMES_OF_EIGHT, _TIMES_OF_NINE])
def test_columns_of_an_archive_whose_items_are_more_than_a_number(tmp_path, descr):
    path, shape = tmp_path / "a.npz", "(60,)"
    with zipfile.ZipFile(path, "w") as archive:
        if "[" in descr:
            archive.writestr("events.npy", array_head(shape, descr) + bytes(60 * 80))
        else:
            archive.writestr("t.npy", array_head(shape, descr) + bytes(60 * 64))
            for name in "xyp":
                archive.writestr(f"{name}.npy", array_head(shape, "'<u2'") + bytes(60 * 2))
    batch = GuardedBatch(7)
    with open_source(path) as source, pytest.raises(EventflowError, match=_refusal(descr)):
        format_named("npz").load().open_decoder(source, width=40, height=30).fill(batch, 0)
    batch.check()


def _refusal(descr):
    """What is said already of the type, before any value is read."""
    return "holds items of .*; expected numbers" if descr == "'8f8'" else None


def _fill(source, batch):
    format_named("npy").load().open_decoder(source, width=40, height=30).fill(batch, 0)


def test_what_damage_leaves_of_an_archive_does_not_depend_on_packets(tmp_path):
    path = io.write(events(120, 0), tmp_path / "a.npz", compressed=True)
    data = bytearray(path.read_bytes())
    for at in range(60, len(data) - 600, 17):
        hurt = data[:]
        hurt[at] ^= 0xFF
        path.write_bytes(hurt)
        counts = []
        for packet_events in (1, 50, 4096):
            try:
                counts.append(sum(map(len, io.open(path, packet_events=packet_events, width=40, height=30))))
            except EventflowError as error:
                counts.append(type(error))
        assert len(set(counts)) == 1, (at, counts)


def test_times_beyond_all_numbers_are_no_times(tmp_path):
    table = np.array([[1e300, 1, 1, 1], [5.5, 2, 2, 0], [np.nan, 1, 1, 1]])
    np.save(tmp_path / "a.npy", table)
    found = io.read(tmp_path / "a.npy", width=40, height=30, unit="s", columns="txyp")
    assert found.t.tolist() == [5_500_000]


def test_text_in_an_archive_holds_the_archive_and_is_described(tmp_path):
    path = io.write(events(20_000, 0), tmp_path / "a.zip")
    decoder = format_named("zip").load().open_decoder(open_source(path))
    batch = GuardedBatch(4096)
    assert sum(iter(lambda: decoder.fill(batch, 0), 0)) == 20_000
    decoder.source.close()
    assert io.describe(path, depth="quick")["events"] == 20_000


def test_a_place_beyond_all_files_is_the_end(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    with open_source(path) as source:
        source.seek((1 << 64) - 1)
        assert source.read(1) == b""
