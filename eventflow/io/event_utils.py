"""The HDF5 of event_utils and the reconstruction networks around E2VID: `events/{xs, ys, ts, ps}`, ts in seconds.

https://github.com/TimoStoff/event_utils. The attribute `sensor_resolution` is height, width; `images/image…`, each with
an attribute `timestamp`, are the stream "frames".
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, BinaryIO

import h5py

from eventflow.io.decoder import RecordingInfo
from eventflow.io.hdf5 import opened
from eventflow.io.hdf5_decoder import Hdf5Decoder, damage_told, sized
from eventflow.io.hdf5_encoder import SecondsEncoder
from eventflow.io.hdf5_places import columns_in, dataset_at, item_at, size_in

if TYPE_CHECKING:
    from eventflow.io.hdf5_decoder import Messages
    from eventflow.io.source import ByteSource

_NAMES = ("xs", "ys", "ts", "ps")


class EventUtilsDecoder(Hdf5Decoder):
    """Reads a file of event_utils."""

    streams = frozenset({"frames"})


def holds(file: h5py.File) -> bool:
    """Return whether an HDF5 file has the layout of event_utils."""
    return all(dataset_at(file, f"events/{name}", 1) is not None for name in _NAMES)


@damage_told
def open_decoder(
    source: ByteSource, *, width: int | None = None, height: int | None = None, unit: str | None = None
) -> EventUtilsDecoder:
    """Return a decoder of `source`.

    Args:
        source: the file.
        width: sensor width, px, where the file does not say.
        height: sensor height, px, where the file does not say.
        unit: of the times, where they are not seconds as they should be: s, ms, us or ns.
    """
    file = opened(source.path)
    place = columns_in(file["events"]) if isinstance(item_at(file, "events"), h5py.Group) else None
    if place is None:  # format= insists on a file without them
        from eventflow.io.hdf5_found import refuse

        refuse(source.path, file)
    place.unit = "s" if place.datasets["t"].dtype.kind == "f" else None
    info = RecordingInfo(source.path, "event_utils", 0, 0, size_bytes=source.size)
    sized(info, size_in(file, item_at(file, "events")), (width, height))
    streams: dict[str, Messages] = {}
    images = item_at(file, "images")
    if isinstance(images, h5py.Group) and len(images):
        from eventflow.io.hdf5_messages import single_frames_of

        streams["frames"] = partial(single_frames_of, images, "s")
    return EventUtilsDecoder(source, info, file, {"events": place}, streams, unit=unit)


def open_encoder(file: BinaryIO, *, width: int, height: int, compression: str = "gzip") -> SecondsEncoder:
    """Return an encoder that writes to `file`; it holds frames too.

    Args:
        file: can seek.
        width: sensor width, px.
        height: sensor height, px.
        compression: gzip, zstd (Blosc: readers need hdf5plugin) or none.
    """
    return SecondsEncoder(file, width=width, height=height, compression=compression)
