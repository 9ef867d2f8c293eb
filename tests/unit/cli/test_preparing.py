"""Training data: a graph over every recording of a dataset, its slices or grids with labels, the same bytes always."""

from __future__ import annotations

import json
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "io" / "conversion"))

from trees import contents, random_events

import eventflow as ef
import eventflow.io as io
from eventflow.cli import main
from eventflow.io.conversion.manifest import read_manifest
from eventflow.kernels.representations import voxel_grid

GRAPH = """
eventflow: 1
name: prep
params: {recording: "synth:crossing", every: 10ms}
nodes:
  camera: {use: read, path: "${recording}"}
  slices: {use: slice_time, every: "${every}"}
  voxels: {use: voxel_grid, bins: 3}
flow:
  - camera -> slices -> voxels
"""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    root = tmp_path_factory.mktemp("prep")
    for label, name in enumerate(("cat", "dog")):
        for number in range(2):
            io.write(random_events(3000, seed=2 * label + number), root / "src" / "train" / name / f"r.{number}.raw")
    (root / "prep.yaml").write_text(GRAPH)
    return root


def prepare(dataset, target, *given):
    return main(["convert", "--graph", str(dataset / "prep.yaml"), str(dataset / "src"), str(target), *given])


def expected(number):
    events = random_events(3000, seed=number)
    first, last = int(events.t[0]) // 10_000, int(events.t[-1]) // 10_000
    windows = [(k * 10_000, (k + 1) * 10_000) for k in range(first, last + 1)]
    return np.stack([voxel_grid(events.between(*w), *w, 3) for w in windows]), windows


def test_grids_with_labels_as_arrays(dataset, tmp_path, capsys):
    assert prepare(dataset, tmp_path / "dst", "--to", "npz", "--layout", "folders", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert [each["target"] for each in report["recordings"]] == [
        f"train/{name}/r.{number}.npz" for name in ("cat", "dog") for number in range(2)
    ]
    assert [each["label"] for each in report["recordings"]] == [0, 0, 1, 1]
    for label, name in enumerate(("cat", "dog")):
        for number in range(2):
            grids, windows = expected(2 * label + number)
            with np.load(tmp_path / "dst" / "train" / name / f"r.{number}.npz") as found:
                assert np.array_equal(found["data"], grids)
                assert list(zip(found["t0"].tolist(), found["t1"].tolist(), strict=True)) == windows
                assert found["label"].tolist() == [label] * len(windows)
                assert found["channels"].tolist() == ["bin0", "bin1", "bin2"]
    head = json.loads((tmp_path / "dst" / "eventflow-manifest.jsonl").read_text().splitlines()[0])
    assert head["options"]["classes"] == ["cat", "dog"]


def test_hdf5(dataset, tmp_path):
    import h5py

    assert prepare(dataset, tmp_path / "dst", "--to", "h5", "--layout", "auto") == 0
    grids, windows = expected(3)
    with h5py.File(tmp_path / "dst" / "train" / "dog" / "r.1.h5") as found:
        assert np.array_equal(found["data"], grids)
        assert found["t1"][:].tolist() == [end for _, end in windows]
        assert found["label"][:].tolist() == [1] * len(windows)
        assert found.attrs["channels"] == "bin0,bin1,bin2"


def test_pytorch(dataset, tmp_path):
    torch = pytest.importorskip("torch")
    assert prepare(dataset, tmp_path / "dst", "--to", "pt", "--layout", "folders") == 0
    found = torch.load(tmp_path / "dst" / "train" / "dog" / "r.0.pt", weights_only=True)
    assert np.array_equal(found["data"].numpy(), expected(2)[0])
    assert found["channels"] == ["bin0", "bin1", "bin2"]
    assert set(found["label"].tolist()) == {1}


def test_webdataset_shards(dataset, tmp_path):
    assert prepare(dataset, tmp_path / "dst", "--to", "tar", "--layout", "folders") == 0
    grids, windows = expected(2)
    with tarfile.open(tmp_path / "dst" / "train" / "dog" / "r.0.tar") as shard:
        names = shard.getnames()
        assert names[:3] == ["r_0-000000.npy", "r_0-000000.cls", "r_0-000000.json"]
        assert len(names) == 3 * len(windows)
        assert all(entry.mtime == 0 and entry.uid == 0 for entry in shard)
        assert np.array_equal(np.load(BytesIO(shard.extractfile("r_0-000001.npy").read())), grids[1])
        about = json.load(shard.extractfile("r_0-000001.json"))
        assert (about["t0"], about["t1"], about["label"]) == (*windows[1], 1)


def test_slices_are_a_packed_dataset(dataset, tmp_path):
    given = ["--to", "npz", "--layout", "folders", "--output", "slices", "--set", "every=20ms"]
    assert prepare(dataset, tmp_path / "dst", *given) == 0
    listing = ef.datasets.packed(tmp_path / "dst" / "train" / "dog" / "r.0.npz")
    events = random_events(3000, seed=2)
    assert set(listing.labels) == {1}
    assert b"".join(item.events().records.tobytes() for item in listing) == events.records.tobytes()
    assert (listing[0].events().width, listing[0].events().height) == (64, 48)
    unlabelled = ["--to", "npz", "--output", "slices.slice"]
    assert prepare(dataset, tmp_path / "none", *unlabelled) == 0
    assert ef.datasets.packed(tmp_path / "none" / "train" / "dog" / "r.0.npz")[0].label is None
    assert {each["label"] for each in read_manifest(tmp_path / "none")} == {None}


@pytest.mark.parametrize("to", ["npz", "h5", "pt", "tar"])
def test_the_bytes_are_the_same_over_processes_and_when_resumed(dataset, tmp_path, to):
    if to == "pt":
        pytest.importorskip("torch")
    given = ["--to", to, "--layout", "folders"]
    assert prepare(dataset, tmp_path / "one", *given) == 0
    assert prepare(dataset, tmp_path / "two", *given, "--jobs", "2") == 0
    whole = contents(tmp_path / "one")
    assert contents(tmp_path / "two") == whole
    (tmp_path / "two" / "train" / "cat" / f"r.0.{to}").unlink()
    assert prepare(dataset, tmp_path / "two", *given, "--resume") == 0
    assert contents(tmp_path / "two") == whole


def test_gestures_are_cut_and_boxes_stay_with_their_window(dataset, tmp_path):
    root = tmp_path / "gestures"
    io.write(random_events(5000, seed=1), root / "user01_led.aedat4").rename(root / "user01_led.aedat")
    table = "class,startTime_usec,endTime_usec\n1,10000,20000\n3,30000,45000\n"
    (root / "user01_led_labels.csv").write_text(table)
    (root / "trials_to_train.txt").write_text("user01_led.aedat\n")
    (root / "trials_to_test.txt").write_text("")
    graph = ["convert", "--graph", str(dataset / "prep.yaml"), "--to", "npz", "--output", "slices", "--layout", "auto"]
    assert main([*graph, str(root), str(tmp_path / "a")]) == 0
    assert [(each["source"], each["label"]) for each in read_manifest(tmp_path / "a")] == [
        ("user01_led.aedat:0", 0),
        ("user01_led.aedat:1", 2),
    ]
    with np.load(tmp_path / "a" / "user01_led.aedat-1.npz") as found:
        assert np.array_equal(found["t"], random_events(5000, seed=1).between(30_000, 45_000).t)
    boxes = np.zeros(2, [("t", "i8"), *((n, "f4") for n in "xywh"), ("class_id", "u1"), ("track_id", "u4")])
    boxes["t"], boxes["x"] = (15_000, 20_000), (3, 4)
    io.write(random_events(5000, seed=1), tmp_path / "gen1" / "val" / "a_td.dat")
    np.save(tmp_path / "gen1" / "val" / "a_bbox.npy", boxes)
    assert main([*graph, str(tmp_path / "gen1"), str(tmp_path / "b")]) == 0
    with np.load(tmp_path / "b" / "val" / "a_td.npz") as found:
        assert found["t0"].tolist()[:3] == [0, 10_000, 20_000]
        assert found["box_offsets"].tolist()[:4] == [0, 0, 2, 2]
        assert found["boxes"][:, 0].tolist() == [3, 4]


def test_what_cannot_be_meant_is_refused(dataset, tmp_path, capsys):
    assert prepare(dataset, tmp_path / "dst") == 2
    assert prepare(dataset, tmp_path / "dst", "--to", "aedat4") == 2
    assert prepare(dataset, tmp_path / "dst", "--to", "npz", "--roi", "0,0,5,5", "--verify") == 2
    assert "--roi, --verify: with --graph the graph says" in capsys.readouterr().err
    assert prepare(dataset, tmp_path / "dst", "--to", "npz", "--output", "camera") == 2
    assert "slices.slice, voxels.grid" in capsys.readouterr().err
    (tmp_path / "fixed.yaml").write_text(GRAPH.replace("${recording}", "x.raw"))
    given = ["convert", "--graph", str(tmp_path / "fixed.yaml"), str(dataset / "src"), str(tmp_path / "dst")]
    assert main([*given, "--to", "npz"]) == 2
    assert "no node reads ${recording}" in capsys.readouterr().err
    assert not (tmp_path / "dst").exists()


def test_a_recording_the_graph_fails_on_is_named(dataset, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    io.write(random_events(100), tmp_path / "src" / "a.raw")
    (tmp_path / "src" / "b.raw").write_bytes(b"% evt 3.0\n% end\n")
    given = ["convert", "--graph", str(dataset / "prep.yaml"), str(tmp_path / "src"), str(tmp_path / "dst")]
    assert main([*given, "--to", "npz"]) == 1
    assert "failed: b.raw: " in capsys.readouterr().err
    assert [each["target"] for each in read_manifest(tmp_path / "dst")] == ["a.npz"]


@pytest.mark.parametrize(("limit", "jobs"), [("7", "1"), ("5kB", "2"), ("1", "1"), ("1GB", "1")])
def test_shards_hold_the_samples_of_all_recordings(dataset, tmp_path, limit, jobs):
    assert (
        prepare(dataset, tmp_path / "dst", "--to", "tar", "--layout", "folders", "--shard", limit, "--jobs", jobs) == 0
    )
    shards = sorted((tmp_path / "dst" / "shards").iterdir())
    assert [each.name for each in shards] == [f"train-{number:06d}.tar" for number in range(len(shards))]
    found = {}
    for path in shards:
        with tarfile.open(path) as shard:
            names = shard.getnames()
            assert [name.rpartition(".")[2] for name in names] == ["npy", "cls", "json"] * (len(names) // 3)
            if limit.isdecimal():
                assert len(names) // 3 == int(limit) or path == shards[-1]
            found |= {name: shard.extractfile(name).read() for name in names}
    assert (len(shards) == 1) == (limit == "1GB")
    for label, name in enumerate(("cat", "dog")):
        for number in range(2):
            grids, windows = expected(2 * label + number)
            for k, grid in enumerate(grids):
                key = f"train/{name}/r_{number}-{k:06d}"
                assert np.array_equal(np.load(BytesIO(found.pop(f"{key}.npy"))), grid)
                assert json.loads(found.pop(f"{key}.json"))["t0"] == windows[k][0]
                assert found.pop(f"{key}.cls") == str(label).encode()
    assert not found
    before = contents(tmp_path / "dst")
    assert prepare(dataset, tmp_path / "dst", "--to", "tar", "--layout", "folders", "--shard", limit, "--resume") == 0
    assert contents(tmp_path / "dst") == before


@pytest.mark.parametrize(
    "given", [("--to", "npz", "--shard", "5"), ("--to", "tar", "--shard", "0"), ("--to", "tar", "--shard", "x")]
)
def test_shards_that_cannot_be(dataset, tmp_path, given):
    assert prepare(dataset, tmp_path / "dst", *given) == 2
    assert not (tmp_path / "dst").exists()
