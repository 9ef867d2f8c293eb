"""DSEC's HDF5: `events/{t, x, y, p}`, `ms_to_idx`, `t_offset`. https://dsec.ifi.uzh.ch/data-format.

Times are u4 µs, to which `t_offset` is added; for each ms, `ms_to_idx` has the first row at or after it, by which times
are sought. Pixels are as the sensor gave them, not rectified. TUM-VIE, RVT and evutils write the same without
`t_offset`, the latter two with the sensor's size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

from eventflow.io.decoder import RecordingInfo
from eventflow.io.hdf5 import opened
from eventflow.io.hdf5_decoder import Hdf5Decoder, damage_told, sized
from eventflow.io.hdf5_encoder import DsecEncoder
from eventflow.io.hdf5_places import columns_in, dataset_at, fits, item_at, size_in

if TYPE_CHECKING:
    import h5py

    from eventflow.io.source import ByteSource

_SENSOR: Final = (640, 480)


def holds(file: h5py.File) -> bool:
    """Return whether an HDF5 file has DSEC's layout."""
    has_columns = all(dataset_at(file, f"events/{name}", 1) is not None for name in "txyp")
    return has_columns and any(item_at(file, name) is not None for name in ("ms_to_idx", "t_offset"))


@damage_told
def open_decoder(source: ByteSource, *, width: int | None = None, height: int | None = None) -> Hdf5Decoder:
    """Return a decoder of `source`; `width` and `height` in px serve where the file does not say."""
    file = opened(source.path)
    place = columns_in(file["events"])
    if place is None:  # format= insists on a file without them
        from eventflow.io.hdf5_found import refuse

        refuse(source.path, file)
    place.unit = "us"
    place.index = dataset_at(file, "ms_to_idx", 1)
    offset = dataset_at(file, "t_offset")
    said, default = size_in(item_at(file, "events"), file), (0, 0)
    if offset is not None and offset.size == 1:
        place.t_offset = int(offset[()].reshape(-1)[0] if offset.shape else offset[()])
        unsaid = not all(a or b for a, b in zip(said, (width, height), strict=True))
        default = _SENSOR if unsaid and fits(place, _SENSOR) else (0, 0)
    attributes = {"t_offset": place.t_offset}
    info = RecordingInfo(source.path, "dsec", 0, 0, size_bytes=source.size, attributes=attributes)
    sized(info, said, (width, height), default)
    return Hdf5Decoder(source, info, file, {"events": place})


def open_encoder(file: BinaryIO, *, width: int, height: int, compression: str = "zstd") -> DsecEncoder:
    """Return an encoder that writes to `file`.

    Args:
        file: can seek.
        width: sensor width, px.
        height: sensor height, px.
        compression: zstd (Blosc, as in DSEC: readers need hdf5plugin), gzip or none.
    """
    return DsecEncoder(file, width=width, height=height, compression=compression)
