"""Tracks as files: CSV, one object a line, and NPZ, one array a column."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np

from eventflow.io.parts import writing
from eventflow.messages import Tracks
from eventflow_nodes.sinks.archive import GrowingArchive

COLUMNS = ("t", "id", "x", "y", "vx", "vy", "w", "h", "mass")


class TracksCsv:
    """A header and one line for each object of each message; numbers read back as exactly the same values."""

    def __init__(self, part: Path, path: Path) -> None:
        self._path = path
        with writing(path):
            self._file = part.open("w", encoding="ascii", newline="\n")
            self._file.write(",".join(COLUMNS) + "\n")

    def add(self, tracks: Tracks) -> None:
        """Append the objects of one message."""
        columns = [getattr(tracks, name).tolist() for name in COLUMNS[1:]]
        with writing(self._path):
            for row in zip(*columns, strict=True):
                self._file.write(f"{tracks.t},{','.join(map(repr, row))}\n")

    def finish(self) -> None:
        """Close the file."""
        with writing(self._path):
            self._file.close()

    def discard(self) -> None:
        """Close the file."""
        with suppress(OSError):  # a full disk refuses the last buffer too, and the file goes anyway
            self._file.close()


class TracksNpz:
    """Columns of one length, by the names of the CSV's header."""

    def __init__(self, part: Path, path: Path) -> None:
        dtypes = {name: "<i8" if name in ("t", "id") else "<f8" for name in COLUMNS}
        self._archive = GrowingArchive(part, path, {name: (dtype, ()) for name, dtype in dtypes.items()})

    def add(self, tracks: Tracks) -> None:
        """Append the objects of one message."""
        rest = {name: getattr(tracks, name) for name in COLUMNS[1:]}
        self._archive.append(t=np.full(len(tracks), tracks.t), **rest)

    def finish(self) -> None:
        """Write the archive."""
        self._archive.finish()

    def discard(self) -> None:
        """Let go of the columns."""
        self._archive.discard()
