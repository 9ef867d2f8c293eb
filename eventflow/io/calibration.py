"""Lens calibrations: Kalibr, OpenCV and ROS YAML, OpenCV and dv-processing XML, DSEC rectify maps.

All become one `Calibration`, whose `rectify_map` says where each pixel lies without the lens: the form of DSEC, and all
that undistorting events needs. No picture is ever resampled for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree

import numpy as np
import yaml

from eventflow.errors import RecordingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

_MATRIX_KEYS: Final = ("camera_matrix", "cameraMatrix", "Camera_Matrix", "intrinsic_matrix", "intrinsics", "K", "M1")
_DISTORTION_KEYS: Final = (
    *(
        "distortion_coefficients",
        "distortion_coeffs",
        "Distortion_Coefficients",
        "dist_coeffs",
        "distCoeffs",
        "D",
        "D1",
    ),
)
_WIDTH_KEYS: Final = ("image_width", "image_Width", "width")
_HEIGHT_KEYS: Final = ("image_height", "image_Height", "height")
# what each tool calls the two families of lenses
_FISHEYE: Final = ("equidistant", "equi", "fisheye", "kannala_brandt", "kannala_brandt4")
_BROWN: Final = ("radtan", "plumb_bob", "rational_polynomial", "radial_tangential", "opencv", "brown_conrady")
_MOST_ROUNDS: Final = 200


@dataclass(frozen=True)
class Calibration:
    """One camera's lens.

    Attributes:
        name: of the camera in its file.
        width: sensor width, px.
        height: sensor height, px.
        matrix: float64, shape (3, 3): focal lengths and principal point, px; None where only a map is known.
        model: `none`, `radtan` (OpenCV's up to 8 coefficients) or `equidistant` (OpenCV's fisheye).
        coefficients: float64: k1, k2, p1, p2, k3, k4, k5, k6, or k1 to k4 of equidistant.
        rotation: float64, shape (3, 3): rectifying rotation.
        projection: float64, shape (3, 3): the matrix of the picture without the lens.
        map: float32, shape (height, width, 2), where the file holds it.
    """

    name: str
    width: int
    height: int
    matrix: NDArray[np.float64] | None
    model: str
    coefficients: NDArray[np.float64]
    rotation: NDArray[np.float64]
    projection: NDArray[np.float64]
    map: NDArray[np.float32] | None = None

    def rectify_map(self) -> NDArray[np.float32]:
        """Return where each pixel lies without the lens: float32, shape (height, width, 2), x and y, px.

        NaN where the lens model has no such point, which happens far outside the calibrated part of a strong lens.
        """
        if self.map is not None or self.matrix is None:
            return np.asarray(self.map, np.float32)
        rows, columns = np.mgrid[: self.height, : self.width].astype(np.float64)
        x = (columns - self.matrix[0, 2]) / self.matrix[0, 0]
        y = (rows - self.matrix[1, 2]) / self.matrix[1, 1]
        x, y = _without_lens(self.model, self.coefficients, x, y)
        rays = self.projection @ self.rotation @ np.stack([x.ravel(), y.ravel(), np.ones(x.size)])
        with np.errstate(invalid="ignore", divide="ignore"):
            places = np.where(rays[2] > 0, rays[:2] / rays[2], np.nan)
        return np.ascontiguousarray(places.T.reshape(self.height, self.width, 2), np.float32)


def read_calibration(
    path: str | Path, *, camera: str | None = None, width: int | None = None, height: int | None = None
) -> Calibration:
    """Return the calibration of one camera in a file.

    Args:
        path: `.yaml`/`.yml` of Kalibr, OpenCV, ROS or DSEC; `.xml` of OpenCV or dv-processing; `.h5` of DSEC.
        camera: its name in the file; the first one if None.
        width: sensor width, px, where the file does not say.
        height: sensor height, px, where the file does not say.

    Raises:
        RecordingError: the file is not there or holds no calibration, no such camera, or no sensor size.
    """
    path = Path(path)
    if not path.is_file():
        raise RecordingError(f"{path}: no such calibration file")
    if path.suffix.lower() in (".h5", ".hdf5"):
        return _dsec_map(path)
    tree = _xml_tree(path) if path.suffix.lower() == ".xml" else _yaml_tree(path)
    found = dict(_cameras(tree, path.stem))
    if not found:
        raise RecordingError(
            f"{path}: no camera matrix; expected camera_matrix (OpenCV, ROS, dv) or intrinsics (Kalibr, DSEC)"
        )
    name = next(iter(found)) if camera is None else camera
    if name not in found:
        raise RecordingError(f"{path}: no camera {name!r}; there are {', '.join(found)}")
    return _calibration(path, name, found[name], width, height)


class _Loader(yaml.SafeLoader):
    """Plain YAML, and the matrices that OpenCV writes."""


def _opencv_matrix(loader: yaml.SafeLoader, node: Any) -> NDArray[np.float64]:
    return _matrix_of(loader.construct_mapping(node, deep=True))


_Loader.add_constructor("tag:yaml.org,2002:opencv-matrix", _opencv_matrix)
_Loader.add_constructor("!opencv-matrix", _opencv_matrix)


def _matrix_of(entry: Mapping[Any, Any]) -> NDArray[np.float64]:
    data = entry["data"]
    values = data.split() if isinstance(data, str) else data
    return np.array(values, np.float64).reshape(int(entry["rows"]), int(entry["cols"]))


def _yaml_tree(path: Path) -> Any:
    text = path.read_text(encoding="utf-8", errors="replace")
    # OpenCV's first line is no directive that YAML knows
    text = re.sub(r"^%YAML:.*\n", "", text)
    try:
        return yaml.load(text, _Loader)
    except (yaml.YAMLError, ValueError, KeyError, TypeError) as error:
        raise RecordingError(f"{path}: no calibration: {' '.join(str(error).split())}") from None


def _xml_tree(path: Path) -> Any:
    try:
        return _from_xml(ElementTree.parse(path).getroot())
    except (ElementTree.ParseError, ValueError, KeyError) as error:
        raise RecordingError(f"{path}: no calibration: {error}") from None


def _from_xml(element: ElementTree.Element) -> Any:
    if element.get("type_id") == "opencv-matrix":
        return _matrix_of({child.tag: child.text for child in element})
    if len(element):
        return {child.tag: _from_xml(child) for child in element}
    return (element.text or "").strip().strip('"')


def _cameras(tree: Any, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every mapping that holds a camera matrix, by its key."""
    if not isinstance(tree, dict):
        return
    if any(_is_matrix(tree.get(key)) for key in _MATRIX_KEYS):
        yield name, tree
        return
    for key, entry in tree.items():
        yield from _cameras(entry, str(key))


def _is_matrix(value: Any) -> bool:
    return isinstance(value, (list, np.ndarray)) or (isinstance(value, dict) and "data" in value)


def _calibration(path: Path, name: str, entry: Mapping[str, Any], width: int | None, height: int | None) -> Calibration:
    try:
        matrix = _camera_matrix(_first(entry, _MATRIX_KEYS))
        coefficients = _numbers(_first(entry, _DISTORTION_KEYS))
        model = _model(path, str(entry.get("distortion_model") or entry.get("camera_model") or ""), coefficients, entry)
        resolution = entry.get("resolution") or (_first(entry, _WIDTH_KEYS), _first(entry, _HEIGHT_KEYS))
        sizes = [int(given or found or 0) for given, found in zip((width, height), resolution, strict=True)]
        rotation = _numbers(entry.get("rectification_matrix")).reshape(-1)
        projection = _numbers(entry.get("projection_matrix")).reshape(-1)
    except (TypeError, ValueError, KeyError, IndexError) as error:
        raise RecordingError(f"{path}: camera {name!r} cannot be read: {error}") from None
    if min(sizes) < 1:
        raise RecordingError(f"{path}: camera {name!r} has no sensor size; give width and height")
    return Calibration(
        name,
        sizes[0],
        sizes[1],
        matrix,
        model,
        coefficients,
        rotation.reshape(3, 3) if len(rotation) == 9 else np.eye(3),
        projection.reshape(3, -1)[:, :3] if len(projection) in (9, 12) else matrix,
    )


def _first(entry: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    return next((entry[key] for key in keys if entry.get(key) is not None), None)


def _numbers(value: Any) -> NDArray[np.float64]:
    if isinstance(value, dict):
        value = _matrix_of(value)
    return np.zeros(0) if value is None else np.array(value, np.float64)


def _camera_matrix(value: Any) -> NDArray[np.float64]:
    numbers = _numbers(value).reshape(-1)
    if len(numbers) == 4:  # Kalibr and DSEC: focal lengths, principal point
        fx, fy, cx, cy = numbers
        return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    if len(numbers) != 9:
        raise ValueError(f"a camera matrix of {len(numbers)} numbers, expected 9, or 4 of a pinhole")
    return numbers.reshape(3, 3)


def _model(path: Path, said: str, coefficients: NDArray[np.float64], entry: Mapping[str, Any]) -> str:
    word = said.lower()
    if not coefficients.size or not coefficients.any() or word == "none":
        return "none"
    fisheye = str(entry.get("use_fisheye_model", entry.get("fisheye_model", "0"))).lower() in ("1", "true")
    if word in _FISHEYE or fisheye:
        return "equidistant"
    if word in _BROWN or word in ("", "pinhole"):
        return "radtan"
    raise RecordingError(f"{path}: the lens model {said!r} is not known; known: {', '.join((*_BROWN, *_FISHEYE))}")


def _without_lens(
    model: str, coefficients: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if model == "none":
        return x, y
    k = np.zeros(8)
    k[: min(coefficients.size, 8)] = coefficients.reshape(-1)[:8]
    return _equidistant(k, x, y) if model == "equidistant" else _radtan(k, x, y)


def _equidistant(
    k: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Solve r = a (1 + k1 a^2 + k2 a^4 + k3 a^6 + k4 a^8) for the angle a by Newton's method."""
    radius = np.hypot(x, y)
    angle = radius.copy()
    with np.errstate(all="ignore"):
        for _ in range(_MOST_ROUNDS):
            q = angle**2
            value = angle * (1 + q * (k[0] + q * (k[1] + q * (k[2] + q * k[3])))) - radius
            slope = 1 + q * (3 * k[0] + q * (5 * k[1] + q * (7 * k[2] + q * 9 * k[3])))
            step = value / slope
            angle -= step
            if np.nanmax(np.abs(step), initial=0) < 1e-12:
                break
        good = (np.abs(step) < 1e-6) & (angle >= 0) & (angle < np.pi / 2)
        scale = np.where(good, np.where(radius > 1e-12, np.tan(angle) / np.maximum(radius, 1e-12), 1.0), np.nan)
    return x * scale, y * scale


def _radtan(
    k: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Undo Brown's model with OpenCV's 8 coefficients by fixed-point iteration."""
    k1, k2, p1, p2, k3, k4, k5, k6 = k
    flat_x, flat_y, change = x.copy(), y.copy(), np.zeros_like(x)
    with np.errstate(all="ignore"):
        for _ in range(_MOST_ROUNDS):
            q = flat_x**2 + flat_y**2
            radial = (1 + q * (k1 + q * (k2 + q * k3))) / (1 + q * (k4 + q * (k5 + q * k6)))
            next_x = (x - 2 * p1 * flat_x * flat_y - p2 * (q + 2 * flat_x**2)) / radial
            next_y = (y - p1 * (q + 2 * flat_y**2) - 2 * p2 * flat_x * flat_y) / radial
            change = np.hypot(next_x - flat_x, next_y - flat_y)
            flat_x, flat_y = next_x, next_y
            if np.nanmax(change, initial=0) < 1e-12:
                break
        bad = ~(change < 1e-6)
    flat_x[bad] = flat_y[bad] = np.nan
    return flat_x, flat_y


def _dsec_map(path: Path) -> Calibration:
    """Read `rectify_map` (height, width, 2), as DSEC ships it for each event camera."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            places = np.asarray(file["rectify_map"], np.float32)
    except (OSError, KeyError) as error:
        raise RecordingError(f"{path}: no rectify map: {error}; expected the dataset rectify_map of DSEC") from None
    if places.ndim != 3 or places.shape[2] != 2:
        raise RecordingError(f"{path}: rectify_map has shape {places.shape}, expected (height, width, 2)")
    height, width = places.shape[:2]
    nothing = np.zeros(0)
    return Calibration(path.stem, width, height, None, "map", nothing, np.eye(3), np.eye(3), places)
