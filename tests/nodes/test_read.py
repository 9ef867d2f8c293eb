"""`read` keeps the contract of a source, for recordings and for simulated scenes."""

from __future__ import annotations

import numpy as np
import pytest

from eventflow import io
from eventflow.errors import DamagedRecordingError, RecordingError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.testing import SourceConformance
from eventflow_nodes.sources.read import Read


class TestReadScene(SourceConformance):
    node = Read
    parameters = {"path": "synth:moving", "end": "40ms", "width": 48, "height": 36}  # noqa: RUF012


def _recording(tmp_path, times):
    records = np.zeros(len(times), EVENT_DTYPE)
    records["t"] = times
    return io.write(Events(records, 8, 6), tmp_path / "x.npz")


def _read(path, **parameters):
    node = Read(path=str(path), **parameters)
    info = node.start()
    packets = list(node.run())
    node.close(complete=True)
    return info, np.concatenate([packet.t for packet in packets]) if packets else np.zeros(0), node


def test_small_steps_back_are_clamped_and_counted(tmp_path):
    info, times, node = _read(_recording(tmp_path, [1000, 3000, 2500, 4000]))
    assert times.tolist() == [1000, 3000, 3000, 4000]
    assert node.repaired == {"clamped": 1}
    assert (info.width, info.height, info.t_start) == (8, 6, 1000)


def test_a_jump_is_an_error_that_names_the_event(tmp_path):
    path = _recording(tmp_path, [1000, 3_000_000, 2500])
    with pytest.raises(DamagedRecordingError, match="event 2"):
        _read(path)
    assert _read(path, max_backstep="1h")[1].tolist() == [1000, 3_000_000, 3_000_000]
    assert _read(path, backwards="drop")[1].tolist() == [1000, 3_000_000]


def test_a_window_and_an_origin(tmp_path):
    path = _recording(tmp_path, [1000, 2000, 3000, 4000])
    assert _read(path, begin="2ms", end="4ms")[1].tolist() == [2000, 3000]
    info, times, _ = _read(path, origin="zero", begin="1ms")
    assert times.tolist() == [1000, 2000, 3000]
    assert info.t_start == 1000


def test_a_scene_has_no_format():
    with pytest.raises(RecordingError, match="no format"):
        Read(path="synth:moving", format="dat").start()
