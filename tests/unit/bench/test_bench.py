"""The benchmark harness on tiny input: it judges fairly, and every benchmark still runs."""

import json

import numpy as np
import pytest

from eventflow import io
from eventflow.bench import main, streams
from eventflow.bench.chain import numpy_voxel_grid
from eventflow.bench.model import OURS, AtLeast, Case, Contender, Limit, measured
from eventflow.bench.peer_decoders import difference
from eventflow.bench.race import race
from eventflow.events import Events


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    from eventflow.bench import inputs

    monkeypatch.setattr(inputs, "folder", lambda: tmp_path)


def _timed(name, seconds, result=0):
    """A contender that says itself how long it took, so that a busy machine changes nothing."""
    return Contender(name, lambda: (result, seconds), lambda found: found[1])


def test_a_wrong_peer_is_shown_but_not_what_we_are_measured_against():
    case = Case("x", "x", 1000, [_timed(OURS, 0.004), _timed("wrong", 0.001, 1), _timed("right", 0.008)])
    case.check = lambda theirs, ours: "" if theirs[0] == ours[0] else "differs"
    case.targets = [AtLeast(1.5), AtLeast(1, "wrong")]
    row = race(case, 0.0)
    assert row.others["wrong"].wrong == "differs"
    assert [met for _, met in row.verdicts] == [True]
    assert "right" in row.verdicts[0][0]
    assert row.others["right"].ratio == pytest.approx(2)
    assert row.ours.best == pytest.approx(0.25)


def test_a_peer_that_fails_is_noted_and_the_others_are_measured():
    def broken():
        raise ValueError("no such thing")

    row = race(Case("x", "x", 1, [_timed(OURS, 1), Contender("broken", broken), _timed("fine", 1)]), 0.0)
    assert list(row.others) == ["fine"]
    assert "broken failed: ValueError: no such thing" in row.note


def test_a_limit_is_met_by_the_best_of_the_values():
    assert measured("x", "x", "s", [3.0, 1.0, 2.0], Limit(1.5)).verdicts == [("1 s (≤ 1.5)", True)]
    assert measured("x", "x", "s", [3.0, 1.0, 2.0], Limit(2.5, "at least")).ours.best == 3.0


@pytest.mark.parametrize("name", sorted(streams.STREAMS))
def test_streams_are_the_same_each_time_and_valid(name):
    events = streams.STREAMS[name](5000)
    assert len(events) == 5000
    again = Events.from_numpy(streams.STREAMS[name](5000).records, width=events.width, height=events.height)
    assert again.records.tobytes() == events.records.tobytes()


def test_a_difference_is_named_by_column():
    events = streams.small(100)
    other = events.to_numpy("tonic")
    assert difference(other, events) == ""
    other["x"][3] += 1
    assert difference(other, events) == "x differs in 1 events"
    assert difference(other[:-1], events) == "99 events, not 100"


def test_the_numpy_voxel_grid_has_all_events():
    events = streams.small(2000).to_numpy("dv")
    grid = numpy_voxel_grid(events, 346, 260)
    assert grid.sum() == pytest.approx(np.sum(events["polarity"] * 2.0 - 1), abs=1e-2)


def test_bare_decompression_reads_what_the_decoder_reads(tmp_path):
    from eventflow.bench.decode import decompress

    path = io.write(streams.small(30_000), tmp_path / "a.aedat4", compression="lz4")
    assert decompress(str(path)) >= 16 * 30_000


@pytest.mark.parametrize(
    "name",
    [
        "decode.es",
        "io.decode.aedat4_lz4.packets",
        "io.tree",
        "io.encode.evt21",
        "memory.es",
        "signal.refractory",
        "runtime.overhead",
    ],
)
def test_benchmarks_run(name, capsys):
    assert main([name], False, True, events=20_000, seconds=0.0) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["rows"]
    measured = [row for row in found["rows"] if row["ours"] is not None]
    assert measured
    assert all(row["ours"]["best"] > 0 for row in measured)
    assert all("--large" in row["note"] for row in found["rows"] if row["ours"] is None)
    assert found["machine"]["cores"] >= 1


def test_tables_say_whether_targets_are_met(capsys):
    assert main(["signal.stcf"], False, False, events=5_000, seconds=0.0) == 0
    assert "targets met" in capsys.readouterr().out


def test_an_unknown_name_is_refused_and_the_known_are_listed(capsys):
    assert main(["dekode"], False, False, events=100, seconds=0.0) == 2
    assert "signal" in capsys.readouterr().err
