"""Trajectories and satellite positions: written and read again equal, checksums, midnights, lines that are none."""

from __future__ import annotations

import contextlib
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventflow.errors import ParameterError, RecordingError
from eventflow.io.nmea import checksum
from eventflow.io.trajectory import pose_of, read_fixes, read_poses, write_fixes, write_poses
from eventflow.messages import Fix, Pose

quick = settings(max_examples=30, deadline=None)
finite = st.floats(-1e6, 1e6)


@quick
@given(
    st.lists(st.tuples(st.integers(-(2**50), 2**50), st.tuples(finite, finite, finite), st.integers(0, 99)), min_size=1)
)
def test_poses_are_read_as_they_were_written(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("poses") / "a.txt"
    turns = [np.random.default_rng(seed).normal(size=4) for _, _, seed in rows]
    poses = [Pose(t, np.array(xyz), q / np.linalg.norm(q)) for (t, xyz, _), q in zip(rows, turns, strict=True)]
    skipped = {}
    found = read_poses(write_poses(poses, path), skipped=skipped)
    assert skipped == {}
    for a, b in zip(poses, found, strict=True):
        assert a.t == b.t
        np.testing.assert_array_equal(a.position, b.position)
        np.testing.assert_allclose(a.orientation, b.orientation, rtol=0, atol=1e-15)


def second_of(row):
    return row[0] // 10**6


def poses_of(tmp_path, text, **options):
    path = tmp_path / "a.txt"
    path.write_text(text)
    return read_poses(path, **options)


def test_decimals_of_times_are_exact_and_names_passed_over(tmp_path):
    skipped = {}
    text = (
        "#c\nstamp tx ty tz qx qy qz qw\n0.000007 1 2 3 0 0 0 1\n1e-3,1,2,3,0,0,0,2e0\n\nx\n1 2 3\nnan 1 2 3 0 0 0 1\n"
    )
    text += "1305031102.175304 0 0 0 0 0 0 1\n1403636579763555584 0 0 0 0 0 0 1\n5 0 0 0 0 0 0 0\n"
    found = poses_of(tmp_path, text, skipped=skipped)
    assert [pose.t for pose in found] == [7, 1_305_031_102_175_304, 1_403_636_579_763_556]
    assert skipped == {"malformed": 5}


def test_a_unit_may_be_given(tmp_path):
    assert poses_of(tmp_path, "12 0 0 0 0 0 0 1", unit="ms")[0].t == 12_000
    with pytest.raises(ParameterError, match="unit='h'"):
        poses_of(tmp_path, "12 0 0 0 0 0 0 1", unit="h")


@quick
@given(st.integers(0, 10_000))
def test_a_rotation_matrix_becomes_its_quaternion(seed):
    rng = np.random.default_rng(seed)
    q = rng.normal(size=4) * rng.choice([1e-9, 1.0], size=4)
    x, y, z, w = q / np.linalg.norm(q)
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    matrix = np.block([[rotation, np.array([[1], [2], [3]])], [np.array([0, 0, 0, 1])]])
    pose = pose_of(5, matrix)
    assert abs(abs(pose.orientation @ [x, y, z, w]) - 1) < 1e-12
    assert pose.position.tolist() == [1, 2, 3]


def sentence(body):
    return f"${body}*{checksum(body):02X}\r\n"


def test_a_published_sentence(tmp_path):
    path = tmp_path / "a.nmea"
    path.write_text(
        "$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n"
        "$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A\r\n"
    )
    (fix,) = read_fixes(path)
    assert fix.t == 764_426_119_000_000
    assert fix.latitude == pytest.approx(48.1173, abs=1e-9)
    assert fix.longitude == pytest.approx(11.5166666667, abs=1e-9)
    assert fix.altitude == 545.4


@quick
@given(
    st.lists(
        st.tuples(
            st.integers(10**15, 2 * 10**15),
            st.floats(-90, 90),
            st.floats(-180, 180),
            st.floats(-100, 9000) | st.just(math.nan),
        ),
        min_size=1,
        unique_by=second_of,
    )
)
def test_positions_are_read_as_they_were_written(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("fixes") / "a.nmea"
    fixes = [Fix(*row) for row in sorted(rows)]
    skipped = {}
    found = read_fixes(write_fixes(fixes, path), skipped=skipped)
    assert skipped == {}
    for a, b in zip(fixes, found, strict=True):
        assert a.t == b.t
        assert b.latitude == pytest.approx(a.latitude, abs=2e-8)
        assert b.longitude == pytest.approx(a.longitude, abs=2e-8)
        assert (math.isnan(a.altitude) and math.isnan(b.altitude)) or b.altitude == pytest.approx(a.altitude, abs=1e-3)


def test_what_is_left_out_is_counted_and_days_go_on(tmp_path):
    place = "3000.0000,S,15000.0000,E"
    path = tmp_path / "a.nmea"
    path.write_text(
        sentence(f"GNGGA,235959.50,{place},1,8,1,10,M,,M,,")
        + sentence(f"GNGGA,000000.50,{place},1,8,1,11,M,,M,,")
        + sentence(f"GNRMC,000001,A,{place},,,020124,,,A")
        + sentence(f"GNGGA,000002,{place},0,8,1,10,M,,M,,")
        + sentence(f"GNRMC,000003,V,{place},,,020124,,,A")
        + sentence(f"GNGGA,000004,{place},1,8,1,10,M,,M,,").replace("*", "*F")[:-3]
        + "\r\n"
        + sentence(f"GNGGA,000005,{place},1,8,1,12,M,,M,,").replace("000005", "000006")
        + sentence("GNGGA,990000,9900.0,N,00000.0,E,1,8,1,1,M,,M,,")
        + sentence("GPGSV,1,1,00")
        + "noise\n"
    )
    skipped = {}
    found = read_fixes(path, skipped=skipped)
    new_year = 1_704_067_200_000_000
    assert [fix.t - new_year for fix in found] == [86_399_500_000, 86_400_500_000, 86_401_000_000]
    assert found[0].latitude == -30
    assert found[0].longitude == 150
    assert skipped["no_fix"] == 2
    assert skipped["checksum"] + skipped["malformed"] == 4


@quick
@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda data: data.decode("latin-1")))
def test_garbage_is_refused_clearly(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("garbage") / "a"
    path.write_text(text, encoding="utf-8", errors="replace")
    for read in (read_poses, read_fixes):
        with contextlib.suppress(RecordingError):
            assert read(path)


def test_files_that_are_not_there(tmp_path):
    for read in (read_poses, read_fixes):
        with pytest.raises(RecordingError, match="cannot be read"):
            read(tmp_path / "none")


@pytest.mark.parametrize(
    "line", ["17000000000000000000 0 0 0 0 0 0 1", "1e25 0 0 0 0 0 0 1", "1 0 0 0 1e200 1e200 0 1"]
)
def test_times_beyond_all_columns_and_what_overflows_are_no_poses(tmp_path, line):
    path = tmp_path / "a.txt"
    path.write_text(f"1.5 0 0 0 0 0 0 1\n{line}\n")
    skipped = {}
    assert [pose.t for pose in read_poses(path, unit="s", skipped=skipped)] == [1_500_000]
    assert skipped == {"malformed": 1}
