"""Published layouts, built small: what is listed, how it is labelled and split, and what is said of what is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import eventflow as ef
from eventflow.datasets.detection import read_boxes
from eventflow.errors import ParameterError, RecordingError
from eventflow.events import EVENT_DTYPE

datasets = ef.datasets


def events_of(seed, count=200, width=34, height=34):
    random = np.random.default_rng(seed)
    records = np.zeros(count, EVENT_DTYPE)
    records["t"] = np.sort(random.integers(0, 100_000, count))
    records["x"], records["y"] = random.integers(0, width, count), random.integers(0, height, count)
    records["p"] = random.integers(0, 2, count)
    return ef.Events(records, width, height)


@pytest.fixture
def digits(tmp_path):
    root = tmp_path / "N-MNIST"
    for split in ("Train", "Test"):
        for digit in (0, 2, 10):
            for number in range(2):
                ef.write(events_of(digit + number), root / split / str(digit) / f"{number:05}.bin")
    (root / "Train" / "0" / "readme.txt").write_text("no recording")
    return root


def test_a_folder_per_class(digits):
    listing = datasets.nmnist(digits)
    assert len(listing) == 12
    assert listing.classes == ("0", "2", "10")
    assert listing.splits == ("train", "test")
    train = listing.split("train")
    assert train.labels == [0, 0, 1, 1, 2, 2]
    assert train[2].name == "Train/2/00000.bin"
    assert train[2].events().records.tobytes() == events_of(2).records.tobytes()
    assert (train[0].events().width, train[0].events().height) == (34, 34)
    assert [item.label for item in listing.of_class(2)] == [2] * 4
    assert len(listing[:3]) == 3
    assert datasets.load(digits, format="nmnist").labels == listing.labels
    with pytest.raises(ParameterError, match="no split 'val'; there are 'train', 'test'"):
        listing.split("val")


def test_folders_that_are_none(tmp_path):
    with pytest.raises(RecordingError, match="no such folder"):
        datasets.folders(tmp_path / "gone")
    (tmp_path / "a").mkdir()
    with pytest.raises(RecordingError, match="no recordings"):
        datasets.folders(tmp_path)
    with pytest.raises(ParameterError, match="layout='odd' is not known"):
        datasets.load(tmp_path, layout="odd")


def test_a_layout_written_is_read_back(digits, tmp_path):
    listing = datasets.nmnist(digits)
    paths = datasets.write_folders(listing, tmp_path / "new", to="aedat4")
    assert paths[0] == tmp_path / "new" / "train" / "0" / "00000.aedat4"
    again = datasets.folders(tmp_path / "new")
    assert again.classes == listing.classes
    assert again.labels == listing.labels
    assert [item.split for item in again] == [item.split for item in listing]
    for one, other in zip(listing, again, strict=True):
        assert one.events().records.tobytes() == other.events().records.tobytes()
    (tmp_path / "new" / "classes.txt").write_text("0\n2\n")
    with pytest.raises(RecordingError, match="does not list 10"):
        datasets.folders(tmp_path / "new")
    with pytest.raises(ParameterError, match="has no label"):
        datasets.write_folders(datasets.Listing((datasets.Item(Path("x"), "x"),)), tmp_path / "none")


def gestures(root, table="class,startTime_usec,endTime_usec\n1,10000,30000\n11,40000,90000\n"):
    for user, light in ((1, "led"), (2, "lab"), (3, "led")):
        path = root / f"user{user:02}_{light}.aedat4"
        ef.write(events_of(user, 2000, 128, 128), path)
        path.rename(path.with_suffix(".aedat"))  # what it is, its bytes say
        (root / f"user{user:02}_{light}_labels.csv").write_text(table)
    (root / "trials_to_train.txt").write_text("user01_led.aedat\nuser02_lab.aedat\nuser09_led.aedat\n\n")
    (root / "trials_to_test.txt").write_text("user03_led.aedat\nuser01_led.aedat\n")
    return root


def test_dvs128_gesture_is_cut_into_gestures(tmp_path):
    listing = datasets.load(gestures(tmp_path))
    assert len(listing) == 8
    first = listing[0]
    assert (first.label, first.split, first.subject, first.attributes) == (0, "train", "1", {"light": "led"})
    assert listing.classes[listing[1].label] == "other_gestures"
    whole = events_of(1, 2000, 128, 128)
    assert first.events().records.tobytes() == whole.between(10_000, 30_000).records.tobytes()
    assert listing.notes == (
        "user09_led.aedat is listed in trials_to_train.txt and is not there",
        "subject in both train and test: 1",
    )
    paths = datasets.write_folders(listing, tmp_path / "cut", to="npz")
    assert paths[0].relative_to(tmp_path).as_posix() == "cut/train/hand_clapping/user01_led.aedat-0.npz"
    assert ef.read(paths[1]).records.tobytes() == whole.between(40_000, 90_000).records.tobytes()


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("class,start,end\n", "expected class,startTime_usec"),
        ("class,startTime_usec,endTime_usec\n1,x,3\n", ":2: expected three whole numbers"),
        ("class,startTime_usec,endTime_usec\n12,1,3\n", ":2: class 12 from 1 to 3"),
    ],
)
def test_wrong_tables_are_named(tmp_path, table, words):
    with pytest.raises(RecordingError, match=words):
        datasets.dvs128_gesture(gestures(tmp_path, table))


def daily(root):
    names = {"train": ["C0P1M0S1_a", "C1P2M0S1_b"], "val": ["C0P3M0S1_c"], "test": ["C1P1M0S2_d", "C1P4M0S2_gone"]}
    subjects = {"C0P1M0S1_a": 45, "C1P2M0S1_b": 7, "C0P3M0S1_c": 4, "C1P1M0S2_d": 45}
    for split, each in names.items():
        (root / f"{split}.txt").write_text("".join(f"{split}/{name}.aedat4 {name[1]}\n" for name in each))
        for name in each:
            if "gone" not in name:
                ef.write(events_of(1, 50, 320, 240), root / split / f"{name}.aedat4")
    records = [{"FileName": name, "Action": "x", "ID": who, "Scene": 1} for name, who in subjects.items()]
    (root / "all_data.json").write_text(json.dumps(records))
    return root


def test_dailydvs200_reports_who_is_in_two_splits(tmp_path):
    listing = datasets.load(daily(tmp_path))
    assert listing.labels == [0, 1, 0, 1]
    assert listing[0].subject == "45"
    assert listing[0].attributes == {"Action": "x", "Scene": 1}
    assert listing.shared_subjects() == {"45": ("train", "test")}
    assert listing.notes == (
        "1 of 2 recordings in test.txt are not there: test/C1P4M0S2_gone.aedat4 …",
        "subject in both train and test: 45",
    )
    assert len(listing[0].events()) == 50
    (tmp_path / "all_data.json").write_text(json.dumps({"C0P1M0S1_a.aedat4": {"ID": 3}}))
    assert datasets.dailydvs200(tmp_path)[0].subject == "3"
    (tmp_path / "all_data.json").unlink()
    assert "who was recorded is not known" in datasets.dailydvs200(tmp_path).notes[-1]
    (tmp_path / "train.txt").write_text("nonsense\n")
    with pytest.raises(RecordingError, match=r"train.txt:1: expected `RELATIVE_PATH ACTION_ID`"):
        datasets.dailydvs200(tmp_path)
    (tmp_path / "all_data.json").write_text("{")
    with pytest.raises(RecordingError, match="is no JSON"):
        datasets.dailydvs200(tmp_path)


BOXES = [
    ("ts", "<i8"),
    ("x", "<f4"),
    ("y", "<f4"),
    ("w", "<f4"),
    ("h", "<f4"),
    ("class_id", "u1"),
    ("confidence", "<f4"),
]


def test_prophesees_boxes_lie_beside_their_recordings(tmp_path):
    ef.write(events_of(1, 100, 304, 240), tmp_path / "train" / "a_td.dat")
    ef.write(events_of(2, 100, 304, 240), tmp_path / "val" / "b_td.dat")
    rows = np.array([(500, 1, 2, 3, 4, 1, 0.5), (100, 5, 6, 7, 8, 0, 1), (500, 9, 9, 9, 9, 0, 1)], BOXES)
    np.save(tmp_path / "train" / "a_bbox.npy", rows)
    listing = datasets.load(tmp_path)
    assert listing.classes == ("car", "pedestrian")
    assert listing.splits == ("train", "val")
    assert listing.notes == ("1 recordings have no _bbox.npy: val/b_td.dat …",)
    boxes = listing[0].boxes()
    assert [each.t for each in boxes] == [100, 500]
    assert boxes[1].class_id.tolist() == [1, 0]
    assert boxes[1].confidence.tolist() == [0.5, 1]
    assert boxes[0].track_id.tolist() == [-1]
    assert listing[1].boxes() == []
    assert len(listing[0].events()) == 100
    np.save(tmp_path / "odd.npy", np.zeros(3))
    with pytest.raises(RecordingError, match="no file of boxes"):
        read_boxes(tmp_path / "odd.npy")
    (tmp_path / "odd.npy").write_bytes(b"x")
    with pytest.raises(RecordingError, match="cannot be read"):
        read_boxes(tmp_path / "odd.npy")


def test_the_toolboxs_own_record_of_40_bytes(tmp_path):
    names = ["t", "x", "y", "w", "h", "class_id", "track_id", "class_confidence"]
    formats = ["<i8", "<f4", "<f4", "<f4", "<f4", "<u4", "<u4", "<f4"]
    layout = {"names": names, "formats": formats, "offsets": [0, 8, 12, 16, 20, 24, 28, 32], "itemsize": 40}
    rows = np.zeros(2, np.dtype(layout))
    rows["t"], rows["track_id"], rows["class_confidence"] = (7, 9), (3, 4), 0.25
    np.save(tmp_path / "a_bbox.npy", rows)
    boxes = read_boxes(tmp_path / "a_bbox.npy")
    assert [(each.t, each.track_id[0], each.confidence[0]) for each in boxes] == [(7, 3, 0.25), (9, 4, 0.25)]


def pack(path, **changes):
    samples = [events_of(seed, 50 + seed) for seed in range(4)]
    joined = ef.Events.concat(samples)
    offsets = np.cumsum([0, *map(len, samples)])
    columns = {name: joined.records[name] for name in "txyp"}
    np.savez(path, **columns | {"offsets": offsets, "label": np.array([3, 1, 0, 3], "u1")} | changes)
    return samples


def test_a_packed_dataset(tmp_path):
    samples = pack(tmp_path / "p.npz")
    listing = datasets.load(tmp_path / "p.npz", width=40, height=36)
    assert listing.labels == [3, 1, 0, 3]
    assert listing.classes == ("0", "1", "2", "3")
    for one, item in zip(samples, listing, strict=True):
        assert item.events().records.tobytes() == one.records.tobytes()
    assert (listing[0].events().width, listing[0].events().height) == (40, 36)
    with pytest.raises(RecordingError, match="inside an archive"):
        listing[0].open()
    datasets.write_folders(listing, tmp_path / "out", to="npz")
    assert datasets.folders(tmp_path / "out").labels == [0, 1, 3, 3]
    with pytest.raises(RecordingError, match="beyond 20x34"):
        datasets.packed(tmp_path / "p.npz", width=20)
    with pytest.raises(RecordingError, match="no such file"):
        datasets.packed(tmp_path / "gone.npz")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"offsets": np.array([0, 5, 3, 10, 206])}, "offsets do not fit"),
        ({"offsets": np.array([0, 206])}, "offsets do not fit"),
        ({"p": np.full(206, 2, "u1")}, "polarities beyond"),
        ({"x": np.zeros(3, "u1")}, "offsets do not fit"),
    ],
)
def test_a_packed_dataset_that_does_not_fit(tmp_path, changes, words):
    pack(tmp_path / "p.npz", **changes)
    with pytest.raises(RecordingError, match=words):
        datasets.packed(tmp_path / "p.npz")


def test_what_is_no_packed_dataset(tmp_path):
    np.savez(tmp_path / "p.npz", a=1)
    with pytest.raises(RecordingError, match="no packed dataset: it has no x, y, p, t, offsets, label"):
        datasets.packed(tmp_path / "p.npz")
    (tmp_path / "p.npz").write_bytes(b"nothing")
    with pytest.raises(RecordingError, match="cannot be read as a NumPy archive"):
        datasets.packed(tmp_path / "p.npz")


@pytest.mark.samples
def test_a_thousand_digits(samples):
    listing = datasets.packed(samples / "neuromorphic_datasets" / "nmnist_1000.npz")
    assert len(listing) == 1000
    assert len(listing.classes) == 10
    counts = np.bincount(listing.labels)
    assert counts.min() >= 87
    assert counts.max() <= 117
    assert sum(len(item.events()) for item in listing[:20]) > 60_000
    assert listing[0].events().ordered


def test_pytorch_is_imported_for_its_datasets_alone():
    code = "import sys, eventflow as ef; ef.datasets.load; print('torch' in sys.modules)"
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "False"
