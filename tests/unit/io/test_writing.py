"""Files appear whole under their name, or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

import eventflow.io as io
from eventflow.errors import RecordingError
from eventflow.events import Events


def test_a_part_file_is_kept_or_discarded_once(tmp_path):
    parts = io.PartFile(tmp_path / "new" / "a.txt")
    parts.part.write_text("x")
    assert parts.part == tmp_path / "new" / "a.txt.part"
    assert io.open_parts() == [parts.part]
    assert parts.keep().read_text() == "x"
    parts.keep()
    parts.discard()
    assert parts.path.read_text() == "x"
    assert not parts.part.exists()
    assert io.open_parts() == []


def test_an_exception_leaves_nothing_and_keeps_the_old_file(tmp_path):
    path = io.write(Events.empty(4, 4), tmp_path / "a.raw")
    before = path.read_bytes()

    def failing():
        yield Events.empty(4, 4)
        raise ValueError("camera unplugged")

    with pytest.raises(ValueError, match="unplugged"):
        io.write(failing(), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.raw"]
    assert io.open_parts() == []


def test_places_that_cannot_be_written(tmp_path):
    with pytest.raises(RecordingError, match="is a directory"):
        io.write(Events.empty(4, 4), tmp_path, format="evt3")
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordingError, match="is not a directory"):
        io.write(Events.empty(4, 4), tmp_path / "file" / "a.raw")
    with pytest.raises(RecordingError, match=r"no format is written with the suffix '\.xyz'"):
        io.write(Events.empty(4, 4), tmp_path / "a.xyz")
    with pytest.raises(RecordingError, match="pass width= and height="):
        io.write([], tmp_path / "a.raw")


@pytest.fixture
def folder_of_another():
    """A folder one may look into but not write to, for root by being someone else as long as the test runs."""
    with TemporaryDirectory() as folder:
        io.write(Events.empty(4, 4), Path(folder) / "mine.raw")
        (Path(folder) / "mine.raw").chmod(0o000)
        Path(folder).chmod(0o555)
        was_root = os.geteuid() == 0
        if was_root:
            os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            if was_root:
                os.seteuid(0)
            Path(folder).chmod(0o755)


def test_without_permission(folder_of_another):
    with pytest.raises(RecordingError, match="no permission to write there"):
        io.write(Events.empty(4, 4), folder_of_another / "a.raw")
    with pytest.raises(RecordingError, match="no permission to write there"):
        io.write(Events.empty(4, 4), folder_of_another / "new" / "a.raw")
    with pytest.raises(RecordingError, match="no permission to read it"):
        io.read(folder_of_another / "mine.raw")
    assert [path.name for path in folder_of_another.iterdir()] == ["mine.raw"]


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path, monkeypatch):
    writer = io.create(tmp_path / "a.raw", width=4, height=4)

    def full(_events):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writer._encoder, "write", full)
    with pytest.raises(RecordingError, match=r"the disk is full \([\d ]+ bytes free\)"), writer:
        writer.write(Events.empty(4, 4))
    assert list(tmp_path.iterdir()) == []


def test_packets_of_another_sensor_are_refused(tmp_path):
    with pytest.raises(RecordingError, match="of a 8x8 sensor, the recording is 4x4"):
        io.write([Events.empty(4, 4), Events.empty(8, 8)], tmp_path / "a.raw")


def test_convert_reports_what_it_left_behind(tmp_path):
    events = Events.from_numpy(np.array([[5, 1, 2, 1], [3, 2, 2, 0]]), width=8, height=8, unsorted="keep")
    source = io.write(events, tmp_path / "a.raw")
    report = io.convert(source, tmp_path / "b.dat", backwards="clamp", origin="zero")
    assert report["events"] == 2
    assert report["repaired"] == {"clamped": 1}
    assert report["shift"] == 5
    assert io.read(tmp_path / "b.dat").t.tolist() == [0, 0]
    marked = events.with_columns(labels=np.ones(2, np.uint8))
    with io.create(tmp_path / "c.raw", width=8, height=8) as writer:
        writer.write(marked)
    assert writer.left_behind == {"labels"}


def test_importing_io_imports_nothing_heavy():
    code = "import sys, eventflow.io; print([m for m in ('numpy', 'numba', 'h5py') if m in sys.modules])"
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"
