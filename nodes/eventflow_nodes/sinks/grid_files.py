"""Grids as files: NPZ and HDF5, one array `data` of shape (n, channels, height, width) with `t0` and `t1` (µs)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from eventflow.errors import RecordingError
from eventflow.io.parts import writing
from eventflow.messages import Grid
from eventflow_nodes.sinks.archive import GrowingArchive


class _GridFile(ABC):
    """Grids of one shape and dtype; the first one says which."""

    def __init__(self, part: Path, path: Path) -> None:
        self._part, self._path = part, path
        self._like: Grid | None = None

    def add(self, grid: Grid) -> None:
        """Append one grid."""
        if self._like is None:
            self._like = grid
            self._begin(grid)
        elif (grid.data.shape, grid.data.dtype) != (self._like.data.shape, self._like.data.dtype):
            raise RecordingError(
                f"{self._path}: a grid of shape {grid.data.shape}, {grid.data.dtype}, at t={grid.t} µs; those before "
                f"are {self._like.data.shape}, {self._like.data.dtype}, and one file holds one kind"
            )
        self._append(grid)

    @abstractmethod
    def _begin(self, grid: Grid) -> None:
        """Make room for grids like this one."""

    @abstractmethod
    def _append(self, grid: Grid) -> None:
        """Append a grid of the right kind."""


class GridNpz(_GridFile):
    """A compressed NPZ archive; `channels` holds the names of the planes."""

    _archive: GrowingArchive | None = None

    def _begin(self, grid: Grid) -> None:
        names = np.array(grid.channels, "U") if grid.channels else np.zeros(0, "U1")
        columns = {"t0": ("<i8", ()), "t1": ("<i8", ()), "data": (grid.data.dtype, grid.data.shape)}
        self._archive = GrowingArchive(self._part, self._path, {"channels": (names.dtype, ()), **columns})
        self._archive.append(channels=names)

    def _append(self, grid: Grid) -> None:
        assert self._archive is not None
        self._archive.append(t0=[grid.t0], t1=[grid.t1], data=grid.data)

    def finish(self) -> None:
        """Write the archive; without any grid its columns are empty."""
        if self._archive is None:
            self._archive = GrowingArchive(self._part, self._path, _NOTHING)
        self._archive.finish()

    def discard(self) -> None:
        """Let go of the columns."""
        if self._archive is not None:
            self._archive.discard()


_NOTHING: dict[str, tuple[Any, tuple[int, ...]]] = {
    "channels": ("U1", ()),
    "t0": ("<i8", ()),
    "t1": ("<i8", ()),
    "data": ("<f4", (0, 0, 0)),
}


class GridHdf5(_GridFile):
    """HDF5 with one compressed chunk a grid; `channels` is an attribute of `data`."""

    def __init__(self, part: Path, path: Path) -> None:
        import h5py

        super().__init__(part, path)
        with writing(path):
            self._file = h5py.File(part, "w", libver="v110")

    def _begin(self, grid: Grid) -> None:
        common: dict[str, Any] = {"track_times": False}
        for name in ("t0", "t1"):
            self._file.create_dataset(name, (0,), "<i8", maxshape=(None,), chunks=(1024,), **common)
        shape = grid.data.shape
        data = self._file.create_dataset(
            "data", (0, *shape), grid.data.dtype, maxshape=(None, *shape), chunks=(1, *shape),
            compression="gzip", compression_opts=1, shuffle=True, **common,
        )  # fmt: skip
        data.attrs["channels"] = ",".join(grid.channels)

    def _append(self, grid: Grid) -> None:
        with writing(self._path):
            for name, value in (("t0", grid.t0), ("t1", grid.t1), ("data", grid.data)):
                column = self._file[name]
                column.resize(len(column) + 1, 0)
                column[-1] = value

    def finish(self) -> None:
        """Close the file."""
        with writing(self._path):
            self._file.close()

    def discard(self) -> None:
        """Close the file."""
        with suppress(OSError, RuntimeError):  # a full disk refuses the last buffer too, and the file goes anyway
            self._file.close()
