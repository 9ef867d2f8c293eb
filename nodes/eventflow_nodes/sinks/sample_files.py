"""Training data as files: NPZ, HDF5, PyTorch and WebDataset shards. Bytes depend on the samples alone.

A sample is a mapping of columns. In NPZ, HDF5 and .pt each becomes one array: of grids `data` (n, channels, height,
width); of slices `x`, `y`, `p`, `t` of all samples joined, with `offsets` (n + 1); of both `t0`, `t1` (µs) and `label`
(-1: none); of boxes, where there are any, `boxes` (m, 7: x, y, w, h, class, track, confidence) and `box_t`, with
`box_offsets` (n + 1).
"""

from __future__ import annotations

import io
import json
import tarfile
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from eventflow.errors import RecordingError, missing_extra
from eventflow.io.parts import writing
from eventflow_nodes.sinks.archive import GrowingArchive

Sample = Mapping[str, Any]
_JOINED = {"x": "offsets", "box_t": "box_offsets"}
_PER_ROW = frozenset(("x", "y", "p", "t", "boxes", "box_t"))


class SampleFile(ABC):
    """Samples of one kind: all have the columns, dtypes and row shapes of the first.

    Args:
        part: the file to write.
        path: the target, for messages.
        constants: arrays that belong to the file as a whole.
    """

    def __init__(self, part: Path, path: Path, constants: Sample) -> None:
        self._part, self._path, self._constants = part, path, constants
        self._rows: dict[str, tuple[Any, tuple[int, ...]]] | None = None
        self._totals = dict.fromkeys(_JOINED.values(), 0)

    def add(self, sample: Sample) -> None:
        """Append one sample.

        Raises:
            RecordingError: it is of another kind than the first.
        """
        arrays = {name: np.asarray(value) for name, value in sample.items()}
        rows = {name: (each.dtype, each.shape[name in _PER_ROW :]) for name, each in arrays.items()}
        if self._rows is None:
            self._rows = rows
            self._begin(rows)
        elif rows != self._rows:
            raise RecordingError(f"{self._path}: a sample of {_said(rows)} after samples of {_said(self._rows)}")
        self._append(arrays)

    def _with_offsets(self, arrays: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arrays as rows to append, with the ends of those that are joined."""
        rows = {name: each if name in _PER_ROW else each[None] for name, each in arrays.items()}
        for name, offsets in _JOINED.items():
            if name in arrays:
                self._totals[offsets] += len(arrays[name])
                rows[offsets] = np.array([self._totals[offsets]], np.int64)
        return rows

    @abstractmethod
    def _begin(self, rows: dict[str, tuple[Any, tuple[int, ...]]]) -> None: ...

    @abstractmethod
    def _append(self, arrays: Mapping[str, Any]) -> None: ...

    @abstractmethod
    def finish(self) -> None:
        """Write what belongs at the end; without a sample the file holds no columns but the constants."""

    def discard(self) -> None:  # noqa: B027 - some hold nothing
        """Let go of what is held."""


def _said(rows: dict[str, tuple[Any, tuple[int, ...]]]) -> str:
    return ", ".join(f"{name} {dtype}{list(shape)}" for name, (dtype, shape) in rows.items())


def _columns(rows: dict[str, tuple[Any, tuple[int, ...]]]) -> dict[str, tuple[Any, tuple[int, ...]]]:
    offsets = {_JOINED[name]: (np.dtype("<i8"), ()) for name in _JOINED if name in rows}
    return rows | offsets


class SamplesNpz(SampleFile):
    """A compressed NPZ archive."""

    _archive: GrowingArchive | None = None

    def _begin(self, rows: dict[str, tuple[Any, tuple[int, ...]]]) -> None:
        columns = _columns(rows)
        constants = {name: np.atleast_1d(value) for name, value in self._constants.items()}
        kinds = {name: (value.dtype, value.shape[1:]) for name, value in constants.items()}
        self._archive = GrowingArchive(self._part, self._path, kinds | columns)
        self._archive.append(**constants, **{name: [0] for name in _JOINED.values() if name in columns})

    def _append(self, arrays: Mapping[str, Any]) -> None:
        assert self._archive is not None
        self._archive.append(**self._with_offsets(arrays))

    def finish(self) -> None:
        """Write the archive."""
        if self._archive is None:
            self._begin({})
        assert self._archive is not None
        self._archive.finish()

    def discard(self) -> None:
        """Let go of the columns."""
        if self._archive is not None:
            self._archive.discard()


class SamplesHdf5(SampleFile):
    """HDF5; the constants are attributes of the file."""

    def __init__(self, part: Path, path: Path, constants: Sample) -> None:
        import h5py

        super().__init__(part, path, constants)
        with writing(path):
            self._file = h5py.File(part, "w", libver="v110")
            for name, value in constants.items():
                text = ",".join(value) if name == "channels" else value
                self._file.attrs[name] = text

    def _begin(self, rows: dict[str, tuple[Any, tuple[int, ...]]]) -> None:
        for name, (dtype, shape) in _columns(rows).items():
            dense = len(shape) >= 2  # a grid: one chunk each
            self._file.create_dataset(
                name, (0, *shape), dtype, maxshape=(None, *shape), chunks=(1 if dense else 4096, *shape),
                compression="gzip", compression_opts=1, shuffle=True, track_times=False,
            )  # fmt: skip
            if name in _JOINED.values():
                self._grow(name, np.zeros(1, np.int64))

    def _append(self, arrays: Mapping[str, Any]) -> None:
        for name, values in self._with_offsets(arrays).items():
            self._grow(name, values)

    def _grow(self, name: str, values: Any) -> None:
        with writing(self._path):
            column = self._file[name]
            column.resize(len(column) + len(values), 0)
            if len(values):
                column[-len(values) :] = values

    def finish(self) -> None:
        """Close the file."""
        with writing(self._path):
            self._file.close()

    def discard(self) -> None:
        """Close the file."""
        with suppress(OSError, RuntimeError):  # a full disk refuses the last buffer too, and the file goes anyway
            self._file.close()


class SamplesTorch(SampleFile):
    """A mapping of tensors for `torch.load(path, weights_only=True)`, held in memory until it is written."""

    def __init__(self, part: Path, path: Path, constants: Sample) -> None:
        try:
            import torch
        except ImportError as error:
            raise missing_extra("torch", "snn", f"writing {path.name}") from error
        super().__init__(part, path, constants)
        self._torch = torch
        self._pieces: dict[str, list[Any]] = {}

    def _begin(self, rows: dict[str, tuple[Any, tuple[int, ...]]]) -> None:
        zeros = {name: [np.zeros(1, np.int64)] for name in _columns(rows) if name in _JOINED.values()}
        self._pieces = {name: [] for name in rows} | zeros

    def _append(self, arrays: Mapping[str, Any]) -> None:
        for name, values in self._with_offsets(arrays).items():
            self._pieces[name].append(values)

    def finish(self) -> None:
        """Write the file."""
        tensors: dict[str, Any] = {
            name: [str(each) for each in value] if name == "channels" else int(value)
            for name, value in self._constants.items()
        }
        for name, pieces in self._pieces.items():
            joined = np.concatenate(pieces)
            tensors[name] = self._torch.from_numpy(joined.astype(np.int32) if joined.dtype == np.uint16 else joined)
        with writing(self._path), self._part.open("wb") as file:  # given a name, it would be written into the file
            self._torch.save(tensors, file)


class SamplesTar(SampleFile):
    """A WebDataset shard: for each sample KEY.npy (a grid, or events as records), KEY.cls and KEY.json."""

    def __init__(self, part: Path, path: Path, constants: Sample) -> None:
        super().__init__(part, path, constants)
        self._count = 0
        self._stem = path.name.removesuffix(".tar").replace(".", "_")  # a key ends at its first dot
        with writing(path):
            self._tar = tarfile.open(part, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115 - closed by finish()

    def _begin(self, rows: dict[str, tuple[Any, tuple[int, ...]]]) -> None:
        return

    def _append(self, arrays: Mapping[str, Any]) -> None:
        key = f"{self._stem}-{self._count:06d}"
        self._count += 1
        about: dict[str, Any] = {"t0": int(arrays["t0"]), "t1": int(arrays["t1"]), "label": int(arrays["label"])}
        about |= {
            name: [str(each) for each in v] if name == "channels" else int(v) for name, v in self._constants.items()
        }
        if "boxes" in arrays:
            about |= {"boxes": arrays["boxes"].tolist(), "box_t": arrays["box_t"].tolist()}
        self._put(f"{key}.npy", _npy(arrays["data"] if "data" in arrays else _records(arrays)))
        self._put(f"{key}.cls", str(about["label"]).encode())
        self._put(f"{key}.json", json.dumps(about, sort_keys=True).encode())

    def _put(self, name: str, content: bytes) -> None:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        with writing(self._path):
            self._tar.addfile(entry, io.BytesIO(content))

    def finish(self) -> None:
        """Close the shard."""
        with writing(self._path):
            self._tar.close()

    def discard(self) -> None:
        """Close the shard."""
        with suppress(OSError):  # a full disk refuses the last buffer too, and the file goes anyway
            self._tar.close()


def _records(arrays: Mapping[str, Any]) -> Any:
    records = np.zeros(len(arrays["t"]), [("t", "<i8"), ("x", "<u2"), ("y", "<u2"), ("p", "u1")])
    for name in "txyp":
        records[name] = arrays[name]
    return records


def _npy(array: Any) -> bytes:
    content = io.BytesIO()
    np.lib.format.write_array(content, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    return content.getvalue()


SAMPLE_FILES: dict[str, type[SampleFile]] = {
    ".npz": SamplesNpz,
    ".h5": SamplesHdf5,
    ".hdf5": SamplesHdf5,
    ".pt": SamplesTorch,
    ".tar": SamplesTar,
}
