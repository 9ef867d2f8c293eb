"""Damaged contents put into whole containers, so that the damage is met and not only what a container says of it."""

from __future__ import annotations

import zipfile
from io import BytesIO

import h5py
import reference_ecf as ecf

from eventflow.io.prophesee_hdf5_encoder import EVENT

CHUNK_EVENTS = 120
GEOMETRY = "40x30"


def dressed(name: str, data: bytes) -> bytes:
    """Return damaged bytes as a file of the format: arrays and text in an archive, a chunk of ECF in a table."""
    if name == "npz" and data.startswith(b"\x93NUMPY"):
        return _archive("events.npy", data)
    if name == "zip" and data and not data.startswith(b"PK"):
        return _archive("events.txt", data)
    if name == "hdf5" and data and not data.startswith(b"\x89HDF"):
        return table_of(data)
    return data


def _archive(member: str, data: bytes) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED if data[-1] & 1 else zipfile.ZIP_STORED) as archive:
        archive.writestr(member, data)
    return file.getvalue()


def table_of(chunk: bytes) -> bytes:
    """Return a Prophesee HDF5 file whose events are in one chunk."""
    with h5py.File("table", "w", driver="core", backing_store=False) as file:
        file.attrs["geometry"] = GEOMETRY
        kind = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        kind.set_chunk((CHUNK_EVENTS,))
        kind.set_filter(ecf.FILTER, h5py.h5z.FLAG_OPTIONAL, ())
        space = h5py.h5s.create_simple((CHUNK_EVENTS,))
        group = file.create_group("CD")
        made = h5py.h5d.create(group.id, b"events", h5py.h5t.py_create(EVENT, logical=True), space, kind)
        made.write_direct_chunk((0,), chunk)
        file.flush()
        return bytes(file.id.get_file_image())
