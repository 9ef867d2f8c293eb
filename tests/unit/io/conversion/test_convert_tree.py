"""A tree converted: names, what is left alone, processes, what is resumed, and that the bytes are always the same."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import time

import pytest
from trees import contents, make_tree, random_events, start

import eventflow as ef
import eventflow.io as io
from eventflow.cli import main
from eventflow.errors import ParameterError, RecordingError
from eventflow.io.conversion import jobs, one
from eventflow.io.conversion.manifest import read_manifest
from eventflow.io.conversion.sources import JOURNAL, MANIFEST, PARTS


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return make_tree(tmp_path_factory.mktemp("tree") / "src")


@pytest.fixture(scope="module")
def undisturbed(tree, tmp_path_factory):
    target = tmp_path_factory.mktemp("whole") / "dst"
    ef.convert(tree, target, to="npz")
    return contents(target)


def test_structure_is_kept_and_what_is_no_recording_is_listed(tree, tmp_path):
    report = ef.convert(tree, tmp_path / "dst", to="aedat4", verify=True)
    assert [each["target"] for each in report["recordings"]] == [
        "class0/r0.aedat4", "class0/r2.aedat4", "class0/r4.aedat4",
        "class1/r1.aedat4", "class1/r3.aedat4", "class1/r5.aedat4",
    ]  # fmt: skip
    assert {each["source"] for each in report["others"]} == {"readme.md", "labels.csv"}
    assert report["failed"] == []
    assert report["events"] == sum(2000 * (1 + n % 3) for n in range(6))
    assert all(losses == [] for losses in report["verified"].values())
    assert contents(tmp_path / "dst").keys() == {MANIFEST, *(each["target"] for each in report["recordings"])}
    for each in report["recordings"]:
        one, other = io.read(tree / each["source"]), io.read(tmp_path / "dst" / each["target"])
        assert one.records.tobytes() == other.records.tobytes()


def test_jobs_make_the_same_bytes(tree, tmp_path, undisturbed):
    seen = []
    report = ef.convert(tree, tmp_path / "dst", to="npz", jobs=2, on_progress=seen.append)
    assert contents(tmp_path / "dst") == undisturbed
    assert seen[-1]["done"] == seen[-1]["total"]
    assert seen[-1]["finished"] == len(report["recordings"]) == 6


def test_the_manifest_says_what_was_made_from_what(tree, tmp_path):
    given = ["--to", "raw", "--roi", "0,0,32,24", "--origin", "zero"]
    assert main(["convert", str(tree), str(tmp_path / "dst"), *given]) == 2
    assert main(["convert", str(tree), str(tmp_path / "dst"), "--to", "evt3", *given[2:]]) == 0
    head = json.loads((tmp_path / "dst" / MANIFEST).read_text().splitlines()[0])
    assert head["options"] == {"to": "evt3", "roi": [0, 0, 32, 24], "origin": "zero"}
    first = read_manifest(tmp_path / "dst")[0]
    assert first["options_hash"] == head["options_hash"]
    assert first["source"] == "class0/r0.raw"
    assert first["target"] == "class0/r0.raw"
    assert first["size"] == (tree / "class0" / "r0.raw").stat().st_size
    assert first["shift"] == io.read(tree / "class0" / "r0.raw").t[0]
    assert first["left_out"]["region"] > 0
    with pytest.raises(RecordingError, match="no manifest"):
        read_manifest(tree)


def test_resume_leaves_what_is_whole_and_redoes_the_rest(tree, tmp_path, undisturbed):
    target = tmp_path / "dst"
    shutil.copytree(tree, tmp_path / "src")
    for path in tree.rglob("*"):
        if path.is_file():
            os.utime(tmp_path / "src" / path.relative_to(tree), ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    ef.convert(tmp_path / "src", target, to="npz")
    assert contents(target) == undisturbed
    (target / "class0" / "r0.npz").unlink()
    (target / "class0" / "r2.npz").write_bytes(b"broken")
    damaged = bytearray((target / "class1" / "r1.npz").read_bytes())
    damaged[500] ^= 1
    (target / "class1" / "r1.npz").write_bytes(damaged)
    report = ef.convert(tmp_path / "src", target, to="npz", resume=True)
    assert report["resumed"] == 3
    assert contents(target) == undisturbed
    io.write(random_events(10), tmp_path / "src" / "class0" / "r0.raw")
    report = ef.convert(tmp_path / "src", target, to="npz", resume=True)
    assert report["resumed"] == 5
    assert len(io.read(target / "class0" / "r0.npz")) == 10
    assert ef.convert(tmp_path / "src", target, to="npz", resume=True, polarity="on")["resumed"] == 0


def test_a_touched_source_with_the_same_bytes_is_not_done_again(tree, tmp_path):
    shutil.copytree(tree, tmp_path / "src")
    ef.convert(tmp_path / "src", tmp_path / "a", to="npz")
    os.utime(tmp_path / "src" / "class0" / "r0.raw", (1, 1))
    assert ef.convert(tmp_path / "src", tmp_path / "a", to="npz", resume=True)["resumed"] == 6
    ef.convert(tmp_path / "src", tmp_path / "b", to="npz")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_loops_broken_links_and_pipes_are_listed(tree, tmp_path):
    source = tmp_path / "src"
    shutil.copytree(tree, source)
    (source / "class0" / "loop").symlink_to(source)
    (source / "nowhere.raw").symlink_to("/nowhere/at/all.raw")
    (source / "itself").symlink_to("itself")
    (source / "linked.raw").symlink_to(source / "class0" / "r0.raw")
    os.mkfifo(source / "pipe.raw")
    (source / "x.raw.part").write_bytes(b"% evt 3.0\n")
    report = ef.convert(source, source / "out", to="npz")
    others = {each["source"]: each["why"] for each in report["others"]}
    assert "back to a folder above it" in others["class0/loop"]
    assert "leads nowhere" in others["nowhere.raw"]
    assert "leads nowhere" in others["itself"]
    assert others["pipe.raw"] == "no file"
    assert others["x.raw.part"] == "an unfinished file"
    assert "linked.npz" in [each["target"] for each in report["recordings"]]
    assert len(ef.convert(source, source / "out", to="npz", resume=True)["recordings"]) == 7


def test_names(tree, tmp_path):
    source = tmp_path / "src"
    for name in ("a.raw", "a.dat", "b.raw"):
        io.write(random_events(10), source / name)
    report = ef.convert(source, tmp_path / "one", to="npz")
    assert [each["target"] for each in report["recordings"]] == ["a.dat.npz", "a.raw.npz", "b.npz"]
    report = ef.convert(str(source / "*.raw"), tmp_path / "two", to="npz")
    assert [each["target"] for each in report["recordings"]] == ["a.npz", "b.npz"]
    report = ef.convert(str(tree / "**" / "*"), tmp_path / "three", to="npz")
    assert "class1/r5.npz" in [each["target"] for each in report["recordings"]]
    report = ef.convert([source, tree / "class0"], tmp_path / "four", to="npz")
    assert {each["target"].split("/")[0] for each in report["recordings"]} == {"src", "class0"}
    report = ef.convert([source / "a.raw", tree / "class0" / "r0.raw"], tmp_path / "five", to="npz")
    assert [each["target"] for each in report["recordings"]] == ["a.npz", "r0.npz"]
    (tmp_path / "six").mkdir()
    assert ef.convert(source / "a.raw", tmp_path / "six", to="npz")["recordings"][0]["target"] == "a.npz"


def test_what_cannot_be_meant_is_refused_before_anything_is_written(tree, tmp_path):
    before = contents(tree)
    with pytest.raises(ParameterError, match="needs the format to write"):
        ef.convert(tree, tmp_path / "dst")
    with pytest.raises(ParameterError, match="the target is the source"):
        ef.convert(tree, tree, to="npz")
    with pytest.raises(ParameterError, match="nothing fits this pattern"):
        ef.convert(str(tree / "*.nothing"), tmp_path / "dst", to="npz")
    with pytest.raises(RecordingError, match="no such file or folder"):
        ef.convert([tree, tmp_path / "gone"], tmp_path / "dst", to="npz")
    with pytest.raises(ParameterError, match="several sources have this name"):
        ef.convert([tree / "class0" / "r0.raw", tree / "class0" / "r0.raw"], tmp_path / "dst", to="npz")
    with pytest.raises(RecordingError, match="can be read but not written"):
        ef.convert(tree, tmp_path / "dst", to="npy")
    with pytest.raises(ParameterError, match="at least one process"):
        ef.convert(tree, tmp_path / "dst", to="npz", jobs=0)
    with pytest.raises(ParameterError, match="nothing to convert"):
        ef.convert([], tmp_path / "dst", to="npz")
    assert contents(tree) == before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("count", [1, 2])
def test_a_recording_that_fails_is_named_and_the_rest_goes_on(tree, tmp_path, count, capsys):
    source = tmp_path / "src"
    shutil.copytree(tree, source)
    (source / "class0" / "empty.raw").write_bytes(b"")
    (source / "class0" / "odd.raw").write_bytes(b"% evt 3.0\n% end\n" + bytes(100))
    assert main(["convert", str(source), str(tmp_path / "dst"), "--to", "npz", "--jobs", str(count)]) == 1
    said = capsys.readouterr().err
    assert "failed: class0/empty.raw" in said
    assert "the sensor size is not known" in said
    assert PARTS not in said
    assert len(read_manifest(tmp_path / "dst")) == 6
    assert not [name for name in contents(tmp_path / "dst") if name.endswith(".part") or PARTS in name]


def test_a_full_disk_fails_what_it_hits_and_leaves_nothing_of_it(tree, tmp_path, monkeypatch):
    from eventflow.io.aedat4_encoder import Aedat4Encoder

    def full(_encoder):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Aedat4Encoder, "finish", full)
    report = ef.convert(tree, tmp_path / "dst", to="aedat4")
    assert len(report["failed"]) == 6
    assert all("the disk is full" in each["why"] for each in report["failed"])
    assert contents(tmp_path / "dst").keys() == {MANIFEST}


def test_strict_makes_damage_in_a_tree_a_failure(tmp_path, capsys):
    io.write(random_events(100), tmp_path / "src" / "a.raw")
    with (tmp_path / "src" / "a.raw").open("ab") as file:
        file.write(b"x")
    given = ["convert", str(tmp_path / "src"), str(tmp_path / "dst"), "--to", "npz"]
    assert main(given) == 0
    assert main([*given, "--strict", "--resume"]) == 1
    assert "a.raw: 1 truncated_bytes skipped" in capsys.readouterr().err


def test_a_process_that_dies_costs_its_recording_alone(tree, tmp_path, monkeypatch, undisturbed):
    command = jobs._Worker

    class Mortal(command):
        def give(self, task):
            super().give(task)
            if task["name"] == "class0/r2.es":
                self._process.kill()

    monkeypatch.setattr(jobs, "_Worker", Mortal)
    report = ef.convert(tree, tmp_path / "dst", to="npz", jobs=2)
    assert report["failed"] == [{"source": "class0/r2.es", "why": "the process that converted it ended by SIGKILL"}]
    assert len(report["recordings"]) == 5
    monkeypatch.setattr(jobs, "_Worker", command)
    assert ef.convert(tree, tmp_path / "dst", to="npz", jobs=2, resume=True)["resumed"] == 5
    assert contents(tmp_path / "dst") == undisturbed


def test_the_largest_recording_is_begun_first(tree, tmp_path, monkeypatch):
    begun = []
    give = jobs._Worker.give
    monkeypatch.setattr(jobs._Worker, "give", lambda self, task: (begun.append(task["size"]), give(self, task)))
    ef.convert(tree, tmp_path / "dst", to="npz", jobs=2)
    assert begun == sorted(begun, reverse=True)


def test_an_unexpected_error_is_a_failure_of_one_recording(tree, tmp_path, monkeypatch):
    def broken(*_arguments, **_options):
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(one, "convert_one", broken)
    report = ef.convert(tree, tmp_path / "dst", to="npz")
    assert {each["why"] for each in report["failed"]} == {"ZeroDivisionError: oh"}


def test_only_one_conversion_writes_into_a_folder(tree, tmp_path, monkeypatch):
    import fcntl

    from eventflow.io.conversion import tree as module

    monkeypatch.setattr(module, "_LOCK_S", 0.2)
    (tmp_path / "dst").mkdir()
    handle = os.open(tmp_path / "dst", os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with pytest.raises(RecordingError, match="another conversion is writing into it"):
        ef.convert(tree, tmp_path / "dst", to="npz")
    os.close(handle)


@pytest.mark.slow
def test_killed_at_any_moment_and_resumed_the_tree_is_the_same(tmp_path):
    source = tmp_path / "src"
    for number in range(10):
        io.write(random_events(300_000, seed=number), source / f"c{number % 3}" / f"{number}.raw")
    ef.convert(source, tmp_path / "whole", to="csv")
    target, moments, kills = tmp_path / "dst", random.Random(7), 0
    while kills < 10:
        journal = target / JOURNAL
        before = journal.stat().st_mtime_ns if journal.exists() else 0
        given = ["convert", source, target, "--to", "csv", "--resume", "--jobs", 1 + kills % 2]
        process = start(*given, stdout=subprocess.DEVNULL)
        while process.poll() is None and (not journal.exists() or journal.stat().st_mtime_ns == before):
            time.sleep(0.002)  # the journal is written anew when the work begins
        time.sleep(moments.uniform(0, 0.3) + kills % 2)
        process.send_signal(signal.SIGKILL)
        if process.wait() == 0:
            shutil.rmtree(target)
            continue
        kills += 1
    assert main(["convert", str(source), str(target), "--to", "csv", "--resume"]) == 0
    assert contents(target) == contents(tmp_path / "whole")


@pytest.mark.parametrize("count", [1, 2])
def test_an_interrupt_ends_it_cleanly_and_it_can_be_resumed(tmp_path, count):
    source, target = tmp_path / "src", tmp_path / "dst"
    for number in range(8):
        io.write(random_events(300_000, seed=number), source / f"{number}.raw")
    given = ["convert", source, target, "--to", "csv", "--jobs", count]
    process = start(*given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    journal = target / JOURNAL
    while process.poll() is None and not (journal.exists() and journal.stat().st_size):
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.strip().endswith("interrupted")
    assert not (target / PARTS).exists()
    assert ef.convert(source, target, to="csv", resume=True)["resumed"] >= 1
    ef.convert(source, tmp_path / "whole", to="csv")
    assert contents(target) == contents(tmp_path / "whole")
