"""M3ED's HDF5: `/prophesee/left|right/{t, x, y, p, ms_map_idx, calib}`. https://m3ed.io.

The events are those of the left camera, the right one's are the stream "events:right". Images of `/ovc`, its inertial
samples and poses are streams where a file has them. Times are µs; `ms_map_idx` is used to seek.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, BinaryIO, Final

from eventflow.io.decoder import RecordingInfo
from eventflow.io.hdf5 import opened
from eventflow.io.hdf5_decoder import Hdf5Decoder, damage_told, sized
from eventflow.io.hdf5_encoder import M3edEncoder
from eventflow.io.hdf5_places import columns_in, dataset_at, item_at, size_in

if TYPE_CHECKING:
    import h5py

    from eventflow.io.hdf5_decoder import Messages
    from eventflow.io.source import ByteSource

_SENSOR: Final = (1280, 720)
_CAMERAS: Final = ("left", "right")
_IMAGES: Final = ("left", "right", "rgb")
_POSES: Final = ("Cn_T_C0", "Ln_T_L0")  # of the left event camera, of the lidar


class M3edDecoder(Hdf5Decoder):
    """Reads an M3ED file."""

    streams = frozenset({"events", "frames", "imu", "poses"})


def holds(file: h5py.File) -> bool:
    """Return whether an HDF5 file has M3ED's layout."""
    cameras = (item_at(file, f"prophesee/{side}") for side in _CAMERAS)
    return any(_has_columns(camera) for camera in cameras)


@damage_told
def open_decoder(
    source: ByteSource, *, camera: str = "left", width: int | None = None, height: int | None = None
) -> M3edDecoder:
    """Return a decoder of `source`.

    Args:
        source: the file.
        camera: left or right, the one whose events are read; the other's are a stream.
        width: sensor width, px, where the file does not say.
        height: sensor height, px, where the file does not say.
    """
    file = opened(source.path)
    there = [side for side in _CAMERAS if _has_columns(item_at(file, f"prophesee/{side}"))]
    if camera not in there:
        from eventflow.io.hdf5_found import refuse_camera

        refuse_camera(source.path, file, camera, there)
    places = {}
    for side in sorted(there, key=lambda each: each != camera):
        place = columns_in(file[f"prophesee/{side}"])
        if place is not None:
            place.unit = "us"
            places["events" if side == camera else f"events:{side}"] = place
    group = file[f"prophesee/{camera}"]
    info = RecordingInfo(source.path, "m3ed", 0, 0, size_bytes=source.size, attributes={"camera": camera})
    sized(info, size_in(group, item_at(group, "calib"), file), (width, height), _SENSOR)
    return M3edDecoder(source, info, file, places, _streams(file))


def open_encoder(file: BinaryIO, *, width: int, height: int, compression: str = "gzip") -> M3edEncoder:
    """Return an encoder that writes to `file`: events are of the left camera, "events:right" of the right one.

    Args:
        file: can seek.
        width: sensor width, px.
        height: sensor height, px.
        compression: gzip, zstd (Blosc: readers need hdf5plugin) or none.
    """
    return M3edEncoder(file, width=width, height=height, compression=compression)


def _has_columns(group: object) -> bool:
    return group is not None and all(dataset_at(group, name, 1) is not None for name in "txyp")


def _streams(file: h5py.File) -> dict[str, Messages]:
    from eventflow.io.hdf5_messages import frames_of, imu_of, poses_of

    found: dict[str, Messages] = {}
    times = dataset_at(file, "ovc/ts", 1)
    for name in _IMAGES:
        images = dataset_at(file, f"ovc/{name}/data")
        if images is not None and times is not None and len(images.shape) in (3, 4):
            found["frames" if "frames" not in found else f"frames:{name}"] = partial(frames_of, images, times, "us")
    accel, gyro, when = (dataset_at(file, f"ovc/imu/{name}") for name in ("accel", "omega", "ts"))
    if accel is not None and gyro is not None and when is not None:
        found["imu"] = partial(imu_of, accel, gyro, when, "us")
    times = dataset_at(file, "ts", 1)
    for name in _POSES:
        matrices = dataset_at(file, name, 3)
        if matrices is not None and times is not None:
            found["poses" if "poses" not in found else f"poses:{name}"] = partial(poses_of, matrices, times, "us")
    return found
