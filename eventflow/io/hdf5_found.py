"""Events in HDF5 files of no known layout, found by names: a group of columns, a dataset with fields, or four columns.

The events nearest to the file's root are read; those of further groups are streams "events:PATH". Times are put into µs
by the unit their name says, or by how they look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from eventflow.errors import ParameterError, RecordingError
from eventflow.io.columns_decoder import checked_unit
from eventflow.io.decoder import RecordingInfo
from eventflow.io.hdf5 import contents, opened
from eventflow.io.hdf5_decoder import Hdf5Decoder, damage_told, sized
from eventflow.io.hdf5_places import item_at, places_of, size_in

if TYPE_CHECKING:
    import h5py

    from eventflow.io.source import ByteSource


class FoundDecoder(Hdf5Decoder):
    """Reads events found by their names."""

    streams = frozenset({"events"})


def holds(file: h5py.File) -> bool:
    """Return whether there are events somewhere in an HDF5 file."""
    return next(places_of(file), None) is not None


@damage_told
def open_decoder(
    source: ByteSource,
    *,
    path_inside: str | None = None,
    width: int | None = None,
    height: int | None = None,
    unit: str | None = None,
) -> FoundDecoder:
    """Return a decoder of `source`.

    Args:
        source: the file.
        path_inside: the group or dataset whose events are read, where there are several.
        width: sensor width, px, where the file does not say.
        height: sensor height, px, where the file does not say.
        unit: of the times: s, ms, us or ns, where their name and the first of them do not show it.
    """
    checked_unit(unit)
    file = opened(source.path)
    places = dict(places_of(file))
    if not places:
        refuse(source.path, file)
    chosen = next(iter(places)) if path_inside is None else "/" + path_inside.strip("/")
    if chosen not in places:
        known = ", ".join(places)
        raise ParameterError(f"{source.path}: no events at path_inside={path_inside!r}; there are some at {known}")
    group = item_at(file, chosen)
    info = RecordingInfo(source.path, "hdf5_columns", 0, 0, size_bytes=source.size, attributes={"events": chosen})
    sized(info, size_in(group, group.parent, file), (width, height))
    named = {"events": places.pop(chosen)} | {f"events:{where}": place for where, place in places.items()}
    return FoundDecoder(source, info, file, named, unit=unit)


def refuse(path: str, file: h5py.File) -> NoReturn:
    """Raise the error for a file without events."""
    raise RecordingError(f"{path}: no columns or fields t, x, y and p in it; it has {contents(file)}")


def refuse_camera(path: str, file: h5py.File, camera: str, there: list[str]) -> NoReturn:
    """Raise the error for a camera that a file does not have."""
    known = f"cameras with events: {', '.join(there)}" if there else contents(file)
    raise RecordingError(f"{path}: no events of camera {camera!r}; it has {known}")
