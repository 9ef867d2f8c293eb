"""What lies beside the events of an HDF5 file: images, inertial samples and poses, as messages."""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import h5py
import numpy as np

from eventflow.errors import DamagedRecordingError
from eventflow.io.column_names import UNIT_SCALES
from eventflow.io.columns_decoder import checked_times, unit_of
from eventflow.io.hdf5 import attribute
from eventflow.io.hdf5_columns import stored_rows
from eventflow.io.trajectory import pose_of
from eventflow.messages import Frame, Imu

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eventflow.messages import Pose

_SAMPLES: Final = 1 << 10
_MOST_BYTES: Final = 1 << 26  # of an image, of a row of other values, of a chunk of either


def times_in_us(times: NDArray[Any], unit: str | None = None) -> NDArray[np.int64]:
    """Return times in µs; those that are none count as 0. Without a unit they are looked at."""
    unit = unit or unit_of(times)[0]
    assert unit in UNIT_SCALES
    return checked_times(np.atleast_1d(times), unit)[0]


def frames_of(images: h5py.Dataset, times: h5py.Dataset, unit: str) -> Iterator[Frame]:
    """Yield the images of a dataset of shape (n, height, width) or (n, height, width, 1 or 3)."""
    with _named(images):
        for first, t in _times(times, _rows_of(images, times), unit):
            for image, time in zip(_each(images, first, first + len(t)), t.tolist(), strict=True):
                yield Frame(_image(image), time)


def _rows_of(*datasets: h5py.Dataset) -> int:
    """Return how many rows all of several datasets have, where they say the truth of their sizes.

    Raises:
        ValueError: a row or a chunk is too large to be true.
    """
    for dataset in datasets:
        _check_size(dataset.shape[1:], dataset.dtype)
        _check_size(dataset.chunks or (), dataset.dtype)
    return min(min(len(dataset), stored_rows(dataset)) for dataset in datasets)


def _times(times: h5py.Dataset, count: int, unit: str) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield the first `count` times in µs, some at once, each time with the row of the first of them."""
    for first in range(0, count, _SAMPLES):
        yield first, times_in_us(times[first : min(first + _SAMPLES, count)], unit)


def _each(rows: h5py.Dataset, first: int, stop: int) -> Iterator[NDArray[Any]]:
    """Yield rows one by one, those of a chunk read at once: the HDF5 library unpacks it for each call anew."""
    step = rows.chunks[0] if rows.chunks else 1
    step = max(min(step, _MOST_BYTES // max(math.prod(rows.shape[1:]) * rows.dtype.itemsize, 1)), 1)
    while first < stop:
        after = min((first // step + 1) * step, stop)
        yield from rows[first:after]
        first = after


def _check_size(shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    size = math.prod(shape) * dtype.itemsize
    if size > _MOST_BYTES:
        said = "x".join(map(str, shape))
        raise ValueError(f"{said} values would have {size} bytes; expected at most {_MOST_BYTES}")


def single_frames_of(group: h5py.Group, unit: str | None = None) -> Iterator[Frame]:
    """Yield the images of a group with a dataset for each, whose attribute `timestamp` is its time."""
    with _named(group):
        for name in sorted(group):
            image = group[name]
            if not isinstance(image, h5py.Dataset) or image.dtype.kind not in "iufb":
                continue
            time = attribute(image, "timestamp")
            if time is not None:
                _check_size(image.shape or (), image.dtype)
                _check_size(image.chunks or (), image.dtype)
                t = times_in_us(np.asarray(time), unit)
                yield Frame(_image(image[()]), int(t[0]))


def imu_of(
    accel: h5py.Dataset, gyro: h5py.Dataset, times: h5py.Dataset, unit: str, *, gyro_from: int = 0
) -> Iterator[Imu]:
    """Yield inertial samples in blocks: m/s^2 from columns 0 to 2 of `accel`, rad/s from `gyro_from` on of `gyro`."""
    with _named(accel):
        for first, t in _times(times, _rows_of(accel, gyro, times), unit):
            part = slice(first, first + len(t))
            forces = np.ascontiguousarray(accel[part, :3], np.float32)
            turns = np.ascontiguousarray(gyro[part, gyro_from : gyro_from + 3], np.float32)
            yield Imu(int(t[-1]), t, forces, turns)


def poses_of(matrices: h5py.Dataset, times: h5py.Dataset, unit: str) -> Iterator[Pose]:
    """Yield the poses of a dataset of shape (n, 4, 4)."""
    with _named(matrices):
        for first, t in _times(times, _rows_of(matrices, times), unit):
            for matrix, time in zip(_each(matrices, first, first + len(t)), t.tolist(), strict=True):
                yield pose_of(time, matrix)


def _image(image: NDArray[Any]) -> NDArray[np.uint8]:
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[:, :, 0]
    if image.ndim == 3 and image.shape[0] == 3 and image.shape[2] != 3:
        image = np.moveaxis(image, 0, 2)
    if image.dtype == np.uint8:
        return np.ascontiguousarray(image)
    if image.dtype == np.uint16:
        return np.ascontiguousarray(image >> 8, np.uint8)
    scale = 255.0 if image.dtype.kind == "f" and np.nanmax(image, initial=0) <= 1 else 1.0
    return np.clip(np.nan_to_num(image.astype(np.float64) * scale), 0, 255).astype(np.uint8)


@contextmanager
def _named(item: h5py.Dataset | h5py.Group) -> Iterator[None]:
    name, path = item.name, item.file.filename
    try:
        yield
    except (OSError, RuntimeError, ValueError, KeyError, IndexError) as error:
        raise DamagedRecordingError(f"{path}: {name} cannot be read: {error}") from error
