"""Prophesee HDF5: events in `/CD/events`, external triggers in `/EXT_TRIGGER/events`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import h5py


def holds(file: h5py.File) -> bool:
    """Return whether an HDF5 file has Prophesee's layout."""
    import h5py

    events = file.get("CD/events")
    return isinstance(events, h5py.Dataset) and set(events.dtype.names or ()) >= {"x", "y", "p", "t"}
