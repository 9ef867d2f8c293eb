"""NPZ archives whose arrays grow row by row, written without holding them in memory. Bytes depend on the rows only."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from eventflow.io.parts import writing

_EPOCH = (1980, 1, 1, 0, 0, 0)


class GrowingArchive:
    """An NPZ file being made: columns wait in nameless files beside it until their lengths are known.

    Args:
        part: the file to write.
        path: the target, for messages.
        columns: dtype and shape of one row, by name.
    """

    def __init__(self, part: Path, path: Path, columns: dict[str, tuple[Any, tuple[int, ...]]]) -> None:
        self._part, self._path = part, path
        self._columns = {name: (np.dtype(dtype), shape) for name, (dtype, shape) in columns.items()}
        # nameless: whatever ends this process, nothing is left behind
        self._files = {name: tempfile.TemporaryFile(dir=part.parent) for name in columns}  # noqa: SIM115
        self._rows = dict.fromkeys(columns, 0)

    def append(self, **rows: Any) -> None:
        """Append rows to some columns: arrays of shape (n, *shape of a row)."""
        with writing(self._path):
            for name, values in rows.items():
                dtype, shape = self._columns[name]
                array = np.ascontiguousarray(values, dtype).reshape(-1, *shape)
                self._files[name].write(array.data if array.size else b"")
                self._rows[name] += len(array)

    def finish(self) -> None:
        """Write the archive."""
        with writing(self._path), zipfile.ZipFile(self._part, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, (dtype, shape) in self._columns.items():
                entry = zipfile.ZipInfo(f"{name}.npy", _EPOCH)
                entry.compress_type = zipfile.ZIP_DEFLATED
                header = {"descr": dtype.str, "fortran_order": False, "shape": (self._rows[name], *shape)}
                with archive.open(entry, "w", force_zip64=True) as member:
                    np.lib.format.write_array_header_1_0(member, header)
                    self._files[name].seek(0)
                    shutil.copyfileobj(self._files[name], member, 1 << 20)
        self.discard()

    def discard(self) -> None:
        """Let go of the columns."""
        for file in self._files.values():
            with suppress(OSError):  # a full disk refuses the last buffer too
                file.close()
