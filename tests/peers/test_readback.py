"""The table of `python -m eventflow.bench.readback`: every library that is here reads back what was written."""

from __future__ import annotations

import pytest

from eventflow.bench import readback
from eventflow.io.table import formats


@pytest.fixture(scope="module")
def events():
    return readback.simulated()[:20_000]


def test_every_format_that_is_written_is_read_by_another_library():
    assert {each.format for each in readback.WRITTEN} == {row.name for row in formats() if row.writes}
    assert all(each.readers for each in readback.WRITTEN)


@pytest.mark.parametrize(
    "written", [each for each in readback.WRITTEN if each.format not in ("aedat4", "evt3", "dsec")], ids=str
)
def test_what_is_written_is_read_back(events, monkeypatch, written):
    monkeypatch.setattr(readback, "WRITTEN", (written,))
    for _, library, result in readback.rows(events):
        if not result.startswith("not installed"):
            assert (library, result) == (library, "equal")


def test_what_is_not_equal_is_said(tmp_path, events):
    import numpy as np

    path = tmp_path / "a.npz"
    np.savez(path, t=events.t, x=events.x, y=events.y, p=1 - events.p)
    assert readback.read_back("numpy", "npz", path, events) == "p differs in 20000 events"
    assert readback.read_back("numpy", "npz", tmp_path / "none.npz", events).startswith("FileNotFoundError")
