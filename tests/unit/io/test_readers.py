"""Other libraries as readers: equal where they are right, and where they are wrong docs/formats.md says so."""

from __future__ import annotations

import numpy as np
import pytest

import eventflow as ef
from eventflow.errors import MissingExtraError, ParameterError, RecordingError
from eventflow.events import EVENT_DTYPE


def _events(count=70_000, first=10**6):
    random = np.random.default_rng(3)
    records = np.zeros(count, EVENT_DTYPE)
    records["t"] = first + np.arange(count) * 3
    records["x"], records["y"] = random.integers(0, 64, count), random.integers(0, 48, count)
    records["p"] = random.integers(0, 2, count)
    return ef.Events(records, 64, 48)


@pytest.mark.parametrize(
    ("name", "reader"), [("a.dat", "expelliarmus"), ("a.raw", "expelliarmus"), ("a.aedat4", "aedat")]
)
def test_they_read_what_is_written(tmp_path, name, reader):
    pytest.importorskip(reader)
    events = _events()
    path = ef.write(events, tmp_path / name, **({"format": "evt2"} if name.endswith("raw") else {}))
    found = ef.read(path, reader=reader)
    assert found.records.tobytes() == events.records.tobytes()
    part = ef.read(path, reader=reader, start=1_050_000, end=1_100_000, packet_events=100)
    assert part.records.tobytes() == events.between(1_050_000, 1_100_000).records.tobytes()
    assert ef.convert(path, tmp_path / "b.npz", reader=reader, verify=True)["verified"] == []


def test_a_written_clock_beyond_the_words_is_read_too(tmp_path):
    pytest.importorskip("expelliarmus")
    events = _events(100, first=1 << 36)
    path = ef.write(events, tmp_path / "a.dat")
    assert ef.read(path, reader="expelliarmus").records.tobytes() == events.records.tobytes()


def test_what_they_do_not_read_is_refused(tmp_path, monkeypatch):
    path = ef.write(_events(10), tmp_path / "a.es")
    with pytest.raises(ParameterError, match="expelliarmus reads evt2, evt3, dat, and this is es"):
        ef.read(path, reader="expelliarmus")
    with pytest.raises(ParameterError, match="choose expelliarmus, aedat"):
        ef.read(path, reader="faery")
    monkeypatch.setitem(__import__("sys").modules, "expelliarmus", None)
    path = ef.write(_events(10), tmp_path / "a.dat")
    with pytest.raises(MissingExtraError, match=r"pip install 'eventflow-dvs\[readers\]'"):
        ef.read(path, reader="expelliarmus")


@pytest.mark.samples
def test_where_expelliarmus_is_wrong(samples):
    pytest.importorskip("expelliarmus")
    path = samples / "evt" / "gen41_vectors.evt3.raw"
    ours, theirs = ef.read(path), ef.read(path, reader="expelliarmus")
    assert len(ours) == len(theirs)
    assert np.array_equal(ours.x, theirs.x)
    assert np.count_nonzero(ours.t != theirs.t) == 199_475
    with pytest.raises(RecordingError, match="searches for ever"):
        ef.read(samples / "torture" / "evt3_data_starts_with_percent_space.raw", reader="expelliarmus")


@pytest.mark.samples
@pytest.mark.parametrize("name", ["davis346_demo01", "davis346_frames_imu", "dvxplorer_imu", "dvxplorer_zstd"])
def test_aedat_agrees(samples, name):
    pytest.importorskip("aedat")
    path = samples / "aedat" / f"{name}.aedat4"
    assert ef.read(path).records.tobytes() == ef.read(path, reader="aedat").records.tobytes()
