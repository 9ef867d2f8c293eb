"""Maps as files: HDF5, one dataset a column, and what made them in the attributes.

`/descriptors` float32 (n, d), `/places`, `/routes`, `/times` (µs) int64 (n,), `/poses` float64 (n, 7); attributes of
the file: `format` = "eventflow place map", `version` = 1, `settings` = JSON of `DescriptorSettings`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.errors import ParameterError, RecordingError
from eventflow.io.parts import PartFile, writing
from eventflow.place.descriptors import DescriptorSettings
from eventflow.place.place_map import COLUMNS, PlaceMap

if TYPE_CHECKING:
    import os

FORMAT: Final = "eventflow place map"
VERSION: Final = 1
_DATASETS: Final = {"descriptors": "<f4", "poses": "<f8"} | COLUMNS


def save_map(place_map: PlaceMap, path: str | os.PathLike[str]) -> Path:
    """Write a map; the file appears when it is whole, and depends on the map alone."""
    part = PartFile(path)
    try:
        write_map(place_map, part.part, part.path)
        return part.keep()
    finally:
        part.discard()


def write_map(place_map: PlaceMap, part: Path, path: Path) -> None:
    """Write a map into the file `part`, which errors call `path`."""
    import h5py

    with writing(path), h5py.File(part, "w", libver="v110", track_order=False) as file:
        file.attrs["format"], file.attrs["version"] = FORMAT, VERSION
        file.attrs["settings"] = json.dumps(place_map.settings.as_dict(), sort_keys=True)
        for name, dtype in _DATASETS.items():
            values = np.ascontiguousarray(getattr(place_map, name), dtype)
            file.create_dataset(name, data=values, track_times=False)


def load_map(path: str | os.PathLike[str]) -> PlaceMap:
    """Read a map.

    Raises:
        RecordingError: there is no such file, it is no map, of a later version, or damaged.
    """
    import h5py

    path = Path(path)
    if not path.is_file():
        raise RecordingError(f"{path}: no such map; `place_learn` makes one")
    try:
        with h5py.File(path, "r") as file:
            return _read(file, path)
    except (OSError, KeyError, RuntimeError, ValueError, TypeError) as error:
        raise RecordingError(f"{path}: is no map of places, or is damaged: {error}") from None


def _read(file: Any, path: Path) -> PlaceMap:
    if file.attrs.get("format") != FORMAT:
        raise RecordingError(f"{path}: an HDF5 file, but no map of places; `place_learn` makes one")
    version = int(file.attrs["version"])
    if version != VERSION:
        raise RecordingError(f"{path}: a map of version {version}, expected {VERSION}; make it anew with `place_learn`")
    missing = [name for name in _DATASETS if name not in file]
    if missing:
        raise RecordingError(f"{path}: a damaged map, without {', '.join(missing)}")
    settings = DescriptorSettings.from_dict(json.loads(file.attrs["settings"]))
    columns = {name: np.asarray(file[name][()], dtype) for name, dtype in _DATASETS.items()}
    try:
        return PlaceMap(settings, **columns)
    except ParameterError as error:
        raise RecordingError(f"{path}: a damaged map: {error}") from None
