"""describe: counted, from the index, from a table, or estimated, and every oddity by name."""

from __future__ import annotations

import json

import numpy as np
import pytest
from recording_kit import make

import eventflow.io as io
from eventflow.errors import ParameterError
from eventflow.io import describing, sampling
from eventflow.io.finding import recordings_in

KEYS = [
    "attributes", "decoded_bytes", "duration_us", "events", "format", "height", "largest_step_back_us",
    "longest_silence_us", "method", "noted", "notes", "on_share", "other_streams", "path", "rate_ev_per_s", "repaired",
    "sensor", "silences", "size_bytes", "skipped", "steps_back", "streams", "t_first", "t_last", "title", "width",
]  # fmt: skip
SUFFIXES = {
    "evt3": ".raw",
    "evt2": ".raw",
    "dat": ".dat",
    "csv": ".csv",
    "aedat4": ".aedat4",
    "es": ".es",
    "npz": ".npz",
}


def steady(count, every_us=7):
    rng = np.random.default_rng(5)
    t = np.cumsum(rng.integers(0, 2 * every_us + 1, count))
    return make(t, x=rng.integers(0, 40, count), y=rng.integers(0, 30, count), p=rng.random(count) < 0.3)


def options_of(name):
    return {} if name in ("aedat4", "es", "npz") else {"width": 40, "height": 30}


@pytest.fixture(autouse=True)
def _small_windows(monkeypatch):
    monkeypatch.setattr(sampling, "WINDOW_BYTES", 4096)
    monkeypatch.setattr(sampling, "HEAD_BYTES", 300_000)
    monkeypatch.setattr(sampling, "_BATCH_EVENTS", 256)


def test_keys_are_stable_and_values_plain(tmp_path):
    path = io.write(steady(1000), tmp_path / "a.raw")
    for depth in ("full", "quick"):
        found = io.describe(path, depth=depth, width=40, height=30)
        assert sorted(found) == KEYS
        json.dumps(found)
    with pytest.raises(ParameterError, match="depth"):
        io.describe(path, depth="deep")


def test_what_is_odd_is_counted(tmp_path):
    t = np.array([0, 10, 5, 2_000_000, 2_000_001, 6_000_000, 5_990_000])
    found = io.describe(io.write(make(t), tmp_path / "a.aedat4"))
    assert (found["events"], found["steps_back"], found["largest_step_back_us"]) == (7, 2, 10_000)
    assert (found["silences"], found["longest_silence_us"]) == (2, 3_999_999)
    assert (found["t_first"], found["t_last"], found["duration_us"]) == (0, 5_990_000, 6_000_000)
    assert found["method"] == "counted"


def test_an_empty_recording_has_no_times(tmp_path):
    found = io.describe(io.write(make([]), tmp_path / "a.raw", width=40, height=30), width=40, height=30)
    assert found["events"] == 0
    assert found["t_first"] is found["duration_us"] is found["on_share"] is found["rate_ev_per_s"] is None


@pytest.mark.parametrize("name", SUFFIXES)
def test_an_estimate_is_close(tmp_path, name):
    events = steady(400_000)
    path = io.write(events, tmp_path / f"a{SUFFIXES[name]}", format=name)
    full = io.describe(path, depth="full", **options_of(name))
    quick = io.describe(path, depth="quick", **options_of(name))
    assert full["method"] == "counted"
    assert quick["method"] in ("estimated", "table") or name == "npz"
    assert full["events"] == 400_000
    assert full["t_last"] == int(events.t[-1])
    for key, tolerance in (("events", 0.02), ("duration_us", 0.05), ("on_share", 0.05), ("rate_ev_per_s", 0.05)):
        assert quick[key] == pytest.approx(full[key], rel=tolerance), key
    if quick["t_last"] is not None:
        assert quick["t_last"] == full["t_last"]


def test_turns_of_the_clock_are_counted_by_the_rate_of_bytes(tmp_path):
    events = steady(400_000, every_us=600)  # 240 s, 14 turns of the 24-bit clock
    path = io.write(events, tmp_path / "a.raw")
    found = io.describe(path, depth="quick", width=40, height=30)
    assert found["decoded_bytes"] < path.stat().st_size / 5
    assert found["t_last"] == int(events.t[-1])
    assert found["duration_us"] == int(events.t[-1] - events.t[0])


def test_large_files_are_sampled_unasked(tmp_path, monkeypatch):
    path = io.write(steady(50_000), tmp_path / "a.raw")
    monkeypatch.setattr(describing, "FULL_BYTES", 10_000)
    assert io.describe(path, width=40, height=30)["method"] == "estimated"
    assert io.describe(path, width=40, height=30, depth="full")["method"] == "counted"


def test_an_index_knows_it_all(tmp_path, monkeypatch):
    from eventflow.io import time_index

    monkeypatch.setattr(time_index, "MARK_EVENTS", 1000)
    path = io.write(steady(50_000), tmp_path / "a.csv")
    options = options_of("csv")
    io.index(path, **options)
    full, quick = (io.describe(path, depth=depth, **options) for depth in ("full", "quick"))
    assert quick["method"] == "indexed"
    for key in KEYS:
        assert quick[key] == full[key] or key in ("method", "decoded_bytes"), key


def test_recordings_of_a_folder_are_told_by_content(tmp_path):
    (tmp_path / "below").mkdir()
    (tmp_path / ".hidden").mkdir()
    for name in ("b.raw", "below/a.es", ".hidden/c.raw", ".d.raw"):
        io.write(steady(10), tmp_path / name)
    (tmp_path / "readme.md").write_text("nothing here\n")
    (tmp_path / "c.raw.part").write_bytes((tmp_path / "b.raw").read_bytes())
    (tmp_path / "b.raw.eventflow-index").write_bytes(b"x,y\n")
    (tmp_path / "gone.raw").symlink_to(tmp_path / "nowhere")
    assert [path.name for path in recordings_in(tmp_path)] == ["b.raw", "a.es"]


@pytest.mark.samples
def test_other_streams_are_counted(samples):
    found = io.describe(samples / "aedat" / "davis346_demo01.aedat4")
    streams = {stream["name"]: stream for stream in found["other_streams"]}
    assert streams["frames"]["entries"] == 13
    assert streams["frames"]["rate_per_s"] == pytest.approx(25, rel=0.01)
    assert streams["imu"]["t_first"] == 1643243628737784
