"""NumPy archives, written: columns are spooled beside each other and put together at the end.

The bytes depend on the events alone: every date in the archive is the same.
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import zipfile
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

from eventflow.io.decoder import Encoder
from eventflow.io.numpy_kernels import columns_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.events import Events

_TYPES: Final = {"t": "<i8", "x": "<u2", "y": "<u2", "p": "|u1", "labels": "|u1", "scores": "<f4"}
_DATE: Final = (1980, 1, 1, 0, 0, 0)
_PIECE_BYTES: Final = 1 << 20


class NumpyEncoder(Encoder):
    """Writes a NumPy archive."""

    columns = frozenset(("labels", "scores"))

    def __init__(self, file: BinaryIO, *, width: int, height: int, compressed: bool) -> None:
        self._file = file
        self._size = {"width": width, "height": height}
        self._method = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
        self._spools: dict[str, BinaryIO] = {}
        self._events = 0

    def write(self, events: Events) -> None:
        """Append events."""
        for t, x, y, p in columns_of(events):
            for name, part in (("t", t), ("x", x), ("y", y), ("p", p)):
                self._append(name, part)
        for name in ("labels", "scores"):
            column = getattr(events, name)
            if column is not None:
                self._append(name, column)
            elif name in self._spools:
                self._append(name, np.zeros(len(events), _TYPES[name]))
        self._events += len(events)

    def finish(self) -> None:
        """Put the archive together."""
        with zipfile.ZipFile(self._file, "w") as archive:
            for name in _TYPES:
                if name in self._spools or name in "txyp":
                    self._add(archive, name)
            for name, value in self._size.items():
                content = io.BytesIO()
                np.lib.format.write_array(content, np.array(value, "<i8"), version=(1, 0), allow_pickle=False)
                archive.writestr(self._entry(name), content.getvalue())
        self.discard()

    def discard(self) -> None:
        """Close the spools, which have no names and so are gone then."""
        for spool in self._spools.values():
            with suppress(OSError):  # a full disk refuses the last buffer too
                spool.close()

    def _append(self, name: str, column: NDArray[Any]) -> None:
        if name not in self._spools:
            spool = tempfile.TemporaryFile(dir=_folder_of(self._file))  # noqa: SIM115 - closed by finish()
            spool.write(bytes(np.dtype(_TYPES[name]).itemsize * self._events))  # events before had none
            self._spools[name] = spool
        self._spools[name].write(np.ascontiguousarray(column).data)

    def _add(self, archive: zipfile.ZipFile, name: str) -> None:
        spool = self._spools.get(name)
        header = {"descr": _TYPES[name], "fortran_order": False, "shape": (self._events,)}
        # an entry beyond 2 GiB has wide sizes, and which it is must be said before
        with archive.open(
            self._entry(name), "w", force_zip64=self._events * np.dtype(_TYPES[name]).itemsize > 1 << 31
        ) as out:
            np.lib.format.write_array_header_1_0(out, header)
            if spool is not None:
                spool.seek(0)
                shutil.copyfileobj(spool, out, _PIECE_BYTES)

    def _entry(self, name: str) -> zipfile.ZipInfo:
        entry = zipfile.ZipInfo(f"{name}.npy", _DATE)
        entry.compress_type = self._method
        entry.create_system = 3
        entry.external_attr = 0o600 << 16
        return entry


def _folder_of(file: BinaryIO) -> str | None:
    name = getattr(file, "name", None)
    return (os.path.dirname(name) or ".") if isinstance(name, str) else None
