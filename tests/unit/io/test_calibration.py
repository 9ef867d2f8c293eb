"""Calibrations of every tool become the same map, and OpenCV's own forward model leads back from it."""

from __future__ import annotations

import cv2
import h5py
import numpy as np
import pytest

from eventflow.errors import RecordingError
from eventflow.io.calibration import read_calibration

WIDTH, HEIGHT = 34, 26
MATRIX = np.array([[25.0, 0, 16.5], [0, 26.0, 12.2], [0, 0, 1]])
RADTAN = [-0.31, 0.11, 0.002, -0.001]
EQUIDISTANT = [-0.05, 0.02, -0.01, 0.003]

KALIBR = """
cam0:
  cam_overlaps: [1]
  camera_model: pinhole
  distortion_coeffs: [-0.31, 0.11, 0.002, -0.001]
  distortion_model: radtan
  intrinsics: [25.0, 26.0, 16.5, 12.2]
  resolution: [34, 26]
  rostopic: /dvs/events
cam1:
  camera_model: pinhole
  distortion_coeffs: [-0.05, 0.02, -0.01, 0.003]
  distortion_model: equidistant
  intrinsics: [25.0, 26.0, 16.5, 12.2]
  resolution: [34, 26]
  T_cn_cnm1: [[1, 0, 0, 0.1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
"""
ROS = """
image_width: 34
image_height: 26
camera_name: dvs
camera_matrix: {rows: 3, cols: 3, data: [25.0, 0, 16.5, 0, 26.0, 12.2, 0, 0, 1]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 4, data: [-0.31, 0.11, 0.002, -0.001]}
rectification_matrix: {rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}
projection_matrix: {rows: 3, cols: 4, data: [25.0, 0, 16.5, 0, 0, 26.0, 12.2, 0, 0, 0, 1, 0]}
"""
DSEC = """
intrinsics:
  cam0:
    camera_matrix: [25.0, 26.0, 16.5, 12.2]
    camera_model: pinhole
    distortion_coeffs: [-0.31, 0.11, 0.002, -0.001]
    distortion_model: radtan
    resolution: [34, 26]
"""
DV = """<?xml version="1.0"?>
<opencv_storage>
<use_fisheye_model>0</use_fisheye_model>
<DVXplorer_DXA00093>
  <camera_matrix type_id="opencv-matrix"><rows>3</rows><cols>3</cols><dt>d</dt>
    <data>25. 0. 16.5 0. 26. 12.2 0. 0. 1.</data></camera_matrix>
  <distortion_coefficients type_id="opencv-matrix"><rows>4</rows><cols>1</cols><dt>d</dt>
    <data>-0.31 0.11 0.002 -0.001</data></distortion_coefficients>
  <image_width>34</image_width><image_height>26</image_height>
</DVXplorer_DXA00093>
<type>camera</type>
</opencv_storage>
"""


def led_back(places, coefficients, *, fisheye):
    """Through the lens again, by OpenCV: the pixels we began with."""
    rays = np.dstack([(places - MATRIX[:2, 2]) / np.diag(MATRIX)[:2], np.ones(places.shape[:2])]).reshape(-1, 1, 3)
    zero = np.zeros(3)
    if fisheye:
        found, _ = cv2.fisheye.projectPoints(rays.astype(np.float64), zero, zero, MATRIX, np.array(coefficients))
    else:
        found, _ = cv2.projectPoints(rays.astype(np.float64), zero, zero, MATRIX, np.array(coefficients))
    return found.reshape(HEIGHT, WIDTH, 2)


def pixels():
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.dstack([columns, rows]).astype(np.float64)


@pytest.mark.parametrize(("text", "suffix"), [(KALIBR, "yaml"), (ROS, "yaml"), (DSEC, "yml"), (DV, "xml")])
def test_every_form_gives_the_map_that_undoes_the_lens(text, suffix, tmp_path):
    path = tmp_path / f"lens.{suffix}"
    path.write_text(text)
    calibration = read_calibration(path)
    assert (calibration.width, calibration.height, calibration.model) == (WIDTH, HEIGHT, "radtan")
    places = calibration.rectify_map()
    assert places.shape == (HEIGHT, WIDTH, 2)
    assert places.dtype == np.float32
    np.testing.assert_allclose(led_back(places, RADTAN, fisheye=False), pixels(), atol=1e-3)


def test_equidistant_lenses_too(tmp_path):
    path = tmp_path / "lens.yaml"
    path.write_text(KALIBR)
    places = read_calibration(path, camera="cam1").rectify_map()
    np.testing.assert_allclose(led_back(places, EQUIDISTANT, fisheye=True), pixels(), atol=1e-3)


@pytest.mark.parametrize("suffix", ["yml", "xml"])
def test_what_opencv_writes(suffix, tmp_path):
    path = tmp_path / f"lens.{suffix}"
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    storage.write("image_width", WIDTH)
    storage.write("image_height", HEIGHT)
    storage.write("camera_matrix", MATRIX)
    storage.write("distortion_coefficients", np.array([*RADTAN, 0.02]).reshape(1, -1))
    storage.release()
    places = read_calibration(path).rectify_map()
    np.testing.assert_allclose(led_back(places, [*RADTAN, 0.02], fisheye=False), pixels(), atol=1e-3)


def test_a_rectify_map_of_dsec(tmp_path):
    path = tmp_path / "rectify_map.h5"
    expected = pixels().astype(np.float32) * 1.1
    with h5py.File(path, "w") as file:
        file["rectify_map"] = expected
    calibration = read_calibration(path)
    assert (calibration.width, calibration.height) == (WIDTH, HEIGHT)
    np.testing.assert_array_equal(calibration.rectify_map(), expected)


def test_no_lens_is_no_change(tmp_path):
    path = tmp_path / "lens.yaml"
    path.write_text("K: [25.0, 0, 16.5, 0, 26.0, 12.2, 0, 0, 1]")
    with pytest.raises(RecordingError, match="no sensor size"):
        read_calibration(path)
    places = read_calibration(path, width=WIDTH, height=HEIGHT).rectify_map()
    np.testing.assert_allclose(places, pixels(), atol=1e-5)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.yaml", "cam0: {rostopic: /events}", "no camera matrix"),
        ("a.yaml", "{: [", "no calibration"),
        ("a.xml", "<opencv_storage>", "no calibration"),
        ("a.yaml", "intrinsics: [1, 2]\nresolution: [3, 4]", "a camera matrix of 2 numbers"),
        ("a.yaml", KALIBR.replace("radtan", "ds"), "the lens model 'ds' is not known"),
        ("a.h5", "no HDF5", "no rectify map"),
    ],
)
def test_what_is_no_calibration_is_refused_in_a_sentence(name, text, says, tmp_path):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(RecordingError, match=says):
        read_calibration(path)


def test_a_camera_that_is_not_there_is_refused_with_those_that_are(tmp_path):
    path = tmp_path / "lens.yaml"
    path.write_text(KALIBR)
    with pytest.raises(RecordingError, match="no camera 'cam7'; there are cam0, cam1"):
        read_calibration(path, camera="cam7")
    with pytest.raises(RecordingError, match="no such calibration file"):
        read_calibration(tmp_path / "none.yaml")
