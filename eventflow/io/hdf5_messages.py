"""What lies beside the events of an HDF5 file: images, inertial samples and poses, as messages."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import h5py
import numpy as np

from eventflow.errors import DamagedRecordingError
from eventflow.io.column_names import UNIT_SCALES
from eventflow.io.columns_decoder import checked_times, unit_of
from eventflow.io.trajectory import pose_of
from eventflow.messages import Frame, Imu

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eventflow.messages import Pose

_SAMPLES: Final = 1 << 10


def times_in_us(times: NDArray[Any], unit: str | None = None) -> NDArray[np.int64]:
    """Return times in µs; those that are none count as 0. Without a unit they are looked at."""
    unit = unit or unit_of(times)[0]
    assert unit in UNIT_SCALES
    return checked_times(np.atleast_1d(times), unit)[0]


def frames_of(images: h5py.Dataset, times: h5py.Dataset, unit: str | None = None) -> Iterator[Frame]:
    """Yield the images of a dataset of shape (n, height, width) or (n, height, width, 1 or 3)."""
    with _named(images):
        t = times_in_us(times[:], unit)
        for index in range(min(len(images), len(t))):
            yield Frame(_image(images[index]), int(t[index]))


def single_frames_of(group: h5py.Group, unit: str | None = None) -> Iterator[Frame]:
    """Yield the images of a group with a dataset for each, whose attribute `timestamp` is its time."""
    with _named(group):
        for name in sorted(group):
            image = group[name]
            if isinstance(image, h5py.Dataset) and "timestamp" in image.attrs and image.dtype.kind in "iufb":
                t = times_in_us(np.asarray(image.attrs["timestamp"]), unit)
                yield Frame(_image(image[()]), int(t[0]))


def imu_of(
    accel: h5py.Dataset, gyro: h5py.Dataset, times: h5py.Dataset, unit: str | None = None, *, gyro_from: int = 0
) -> Iterator[Imu]:
    """Yield inertial samples in blocks: m/s^2 from columns 0 to 2 of `accel`, rad/s from `gyro_from` on of `gyro`."""
    with _named(accel):
        t = times_in_us(times[:], unit)
        for first in range(0, min(len(accel), len(gyro), len(t)), _SAMPLES):
            part = slice(first, min(first + _SAMPLES, len(accel), len(gyro), len(t)))
            forces = np.ascontiguousarray(accel[part][:, :3], np.float32)
            turns = np.ascontiguousarray(gyro[part][:, gyro_from : gyro_from + 3], np.float32)
            yield Imu(int(t[part][-1]), t[part], forces, turns)


def poses_of(matrices: h5py.Dataset, times: h5py.Dataset, unit: str | None = None) -> Iterator[Pose]:
    """Yield the poses of a dataset of shape (n, 4, 4)."""
    with _named(matrices):
        t = times_in_us(times[:], unit)
        for index in range(min(len(matrices), len(t))):
            yield pose_of(int(t[index]), matrices[index])


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
