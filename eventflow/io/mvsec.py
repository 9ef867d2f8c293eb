"""MVSEC's HDF5: `davis/left|right/events`, float64, shape (n, 4): x, y, t (s since 1970), p (-1 or 1).

https://daniilidis-group.github.io/mvsec. The events are those of the left camera, the right one's are the stream
"events:right". Images, inertial samples and, of the files of ground truth, poses are streams where a file has them.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, BinaryIO, Final

from eventflow.io.decoder import RecordingInfo
from eventflow.io.hdf5 import opened
from eventflow.io.hdf5_decoder import Hdf5Decoder, damage_told, sized
from eventflow.io.hdf5_encoder import MvsecEncoder
from eventflow.io.hdf5_places import dataset_at, size_in, table_in

if TYPE_CHECKING:
    import h5py

    from eventflow.io.hdf5_decoder import Messages
    from eventflow.io.source import ByteSource

_SENSOR: Final = (346, 260)
_CAMERAS: Final = ("left", "right")
_ORDER: Final = "xytp"


class MvsecDecoder(Hdf5Decoder):
    """Reads an MVSEC file."""

    streams = frozenset({"events", "frames", "imu", "poses"})


def holds(file: h5py.File) -> bool:
    """Return whether an HDF5 file has MVSEC's layout, events or ground truth."""
    return bool(_cameras(file)) or any(dataset_at(file, f"davis/{side}/pose", 3) is not None for side in _CAMERAS)


@damage_told
def open_decoder(
    source: ByteSource, *, camera: str = "left", width: int | None = None, height: int | None = None
) -> MvsecDecoder:
    """Return a decoder of `source`.

    Args:
        source: the file.
        camera: left or right, the one whose events are read; the other's are a stream.
        width: sensor width, px, where it is not MVSEC's 346.
        height: sensor height, px, where it is not MVSEC's 260.
    """
    file = opened(source.path)
    there = _cameras(file)
    if camera not in there and (there or camera not in _CAMERAS):
        from eventflow.io.hdf5_found import refuse_camera

        refuse_camera(source.path, file, camera, there)
    places = {}
    for side in sorted(there, key=lambda each: each != camera):
        place = table_in(file[f"davis/{side}/events"], _ORDER)
        if place is not None:
            place.unit = "s"
            places["events" if side == camera else f"events:{side}"] = place
    info = RecordingInfo(source.path, "mvsec", 0, 0, size_bytes=source.size, attributes={"camera": camera})
    sized(info, size_in(file), (width, height), _SENSOR)
    streams: dict[str, Messages] = {}
    for side in sorted(_CAMERAS, key=lambda each: each != camera):
        _add_streams(streams, file, side)
    return MvsecDecoder(source, info, file, places, streams)


def open_encoder(file: BinaryIO, *, width: int, height: int, compression: str = "gzip") -> MvsecEncoder:
    """Return an encoder that writes to `file`: events are of the left camera, "events:right" of the right one.

    Args:
        file: can seek.
        width: sensor width, px.
        height: sensor height, px.
        compression: gzip, zstd (Blosc: readers need hdf5plugin) or none.
    """
    return MvsecEncoder(file, width=width, height=height, compression=compression)


def _cameras(file: h5py.File) -> list[str]:
    found = {side: dataset_at(file, f"davis/{side}/events", 2) for side in _CAMERAS}
    return [side for side, events in found.items() if events is not None and events.shape[1] == 4]


def _add_streams(found: dict[str, Messages], file: h5py.File, side: str) -> None:
    from eventflow.io.hdf5_messages import frames_of, imu_of, poses_of

    def name(kind: str) -> str:
        return kind if kind not in found else f"{kind}:{side}"

    def both(what: str) -> tuple[h5py.Dataset | None, h5py.Dataset | None]:
        return dataset_at(file, f"davis/{side}/{what}"), dataset_at(file, f"davis/{side}/{what}_ts", 1)

    images, times = both("image_raw")
    if images is not None and times is not None and len(images.shape) in (3, 4):
        found[name("frames")] = partial(frames_of, images, times, "s")
    samples, times = both("imu")
    if samples is not None and times is not None and len(samples.shape) == 2 and samples.shape[1] >= 6:
        found[name("imu")] = partial(imu_of, samples, samples, times, "s", gyro_from=3)
    matrices, times = both("pose")
    if matrices is not None and times is not None and len(matrices.shape) == 3:
        found[name("poses")] = partial(poses_of, matrices, times, "s")
