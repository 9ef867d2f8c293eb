"""Datasets of place recognition, laid out as their authors publish them, with recordings made here."""

import h5py
import numpy as np
import pytest

import eventflow as ef
from eventflow import datasets
from eventflow.datasets.traverses import BRISBANE, to_ecef
from eventflow.errors import RecordingError
from eventflow.messages import Fix


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """A short drive as a ROS 1 bag."""
    pytest.importorskip("rosbags", reason="needs the extra ros")
    path = tmp_path_factory.mktemp("drive") / "drive.bag"
    events = ef.synth.render("crossing", seed=1, duration=50_000)
    ef.write(events, path)
    return path


def sentence(body):
    check = 0
    for character in body:
        check ^= ord(character)
    return f"${body}*{check:02X}"


def put_track(path, clock="070313.00", date="210420"):
    lines = [
        sentence(f"GNRMC,{clock},A,2730.0000,S,15255.0000,E,0.0,0.0,{date},,,A"),
        sentence("GNRMC,070314.00,A,2730.0060,S,15255.0000,E,0.0,0.0,210420,,,A"),
    ]
    path.write_text("\n".join(lines) + "\n")


def test_brisbane(tmp_path, recording):
    drive = "dvs_vpr_2020-04-21-17-03-03"
    (tmp_path / f"{drive}.bag").write_bytes(recording.read_bytes())
    (tmp_path / "dvs_vpr_2020-05-01-00-00-00.bag").write_bytes(recording.read_bytes())
    put_track(tmp_path / f"{drive}.nmea")
    listing = datasets.load(tmp_path)
    assert [item.name for item in listing] == ["sunset1", "dvs_vpr_2020-05-01-00-00-00"]
    assert "no dvs_vpr_2020-05-01-00-00-00*.nmea" in listing.notes[0]
    assert len(listing[0].events()) > 0
    poses = listing[0].poses()
    assert poses[0].t == round(BRISBANE[drive][1] * 1e6)
    assert poses[1].t - poses[0].t == 1_000_000
    south = np.linalg.norm(poses[1].position - poses[0].position)
    assert south == pytest.approx(0.006 / 60 * 110_800, rel=0.01)
    assert listing[1].poses() == []


def test_qcr(tmp_path, recording):
    (tmp_path / "bags_2022-03-28-12-01-42.bag").write_bytes(recording.read_bytes())
    listing = datasets.load(tmp_path)
    assert [item.name for item in listing] == ["fast"]
    first = int(listing[0].events().t[0])
    poses = listing[0].poses()
    assert poses[0].t == first + 7_700_000
    assert poses[-1].t == first + 7_700_000 + 64_500_000
    assert [pose.position[0] for pose in poses] == pytest.approx(np.linspace(0, 1, 11))


def test_nsavp(tmp_path):
    nanoseconds = np.array([1_700_000_000_000_001_000, 1_700_000_000_000_501_000], np.uint64)
    with h5py.File(tmp_path / "R0_FA0_dvxplorer_left.h5", "w") as file:
        group = file.create_group("events")
        group.attrs["width"], group.attrs["height"] = 640, 480
        for name, values in {"x_coordinates": [1, 639], "y_coordinates": [2, 479], "polarities": [0, 1]}.items():
            group[name] = np.array(values, np.uint16)
        group["timestamps"] = nanoseconds
    with h5py.File(tmp_path / "R0_FA0_applanix.h5", "w") as file:
        group = file.create_group("pose_base_link")
        group["timestamps"], group["positions"] = nanoseconds, np.arange(6.0).reshape(2, 3)
        group["quaternions"] = np.tile([0.0, 0.0, 0.0, 1.0], (2, 1))
    (tmp_path / "other_dvxplorer_left.h5").write_bytes(b"")
    listing = datasets.load(tmp_path)
    assert [item.name for item in listing] == ["R0_FA0"]
    assert "not named as" in listing.notes[0]
    assert listing[0].attributes == {"route": "R0", "direction": "forward", "light": "afternoon"}
    events = listing[0].events()
    assert (events.width, events.height) == (640, 480)
    assert events.t.tolist() == [1_700_000_000_000_001, 1_700_000_000_000_501]
    assert (events.x.tolist(), events.y.tolist(), events.p.tolist()) == ([1, 639], [2, 479], [0, 1])
    poses = listing[0].poses()
    assert [pose.t for pose in poses] == events.t.tolist()
    assert poses[1].position.tolist() == [3.0, 4.0, 5.0]


def test_a_truth_without_its_columns_is_refused(tmp_path):
    with h5py.File(tmp_path / "R0_FA0_dvxplorer_left.h5", "w"), h5py.File(tmp_path / "R0_FA0_applanix.h5", "w"):
        pass
    with pytest.raises(RecordingError, match="expected pose_base_link"):
        datasets.nsavp(tmp_path)[0].poses()


@pytest.mark.parametrize("layout", ["brisbane_event_vpr", "qcr_event_vpr", "nsavp"])
def test_a_folder_without_drives_says_what_was_expected(tmp_path, layout):
    with pytest.raises(RecordingError, match="expected files such as"):
        datasets.load(tmp_path, layout=layout)


@pytest.mark.parametrize(
    ("latitude", "longitude", "expected"),
    [(0, 0, (6_378_137, 0, 0)), (0, 90, (0, 6_378_137, 0)), (90, 0, (0, 0, 6_356_752.314_245))],
)
def test_positions_are_on_the_ellipsoid(latitude, longitude, expected):
    assert to_ecef(Fix(0, latitude, longitude)) == pytest.approx(expected, abs=1e-3)
