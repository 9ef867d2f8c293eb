"""Training data from slices or grids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from eventflow.errors import RecordingError
from eventflow.graph.node import Node
from eventflow.messages import Grid, Slice, StreamInfo
from eventflow_nodes.sinks.sample_files import SAMPLE_FILES, SampleFile

_BOX_COLUMNS = ("x", "y", "w", "h", "class_id", "track_id", "confidence")


class Samples(Node):
    """Write slices or grids with their label: .npz, .h5, .pt (PyTorch) or .tar (WebDataset).

    The file depends on the samples alone. Slices in .npz are what `eventflow.datasets.packed` reads.

    Args:
        path: the file.
        label: number of the class that all of them belong to; -1: none.
        boxes: a file NAME_bbox.npy; each sample gets the boxes with t0 < t <= t1.
    """

    path: Path
    label: int = -1
    boxes: Path | None = None

    def start(self, message: StreamInfo) -> None:
        """Refuse a file that nothing is written as."""
        if self.path.suffix.lower() not in SAMPLE_FILES:
            raise RecordingError(f"{self.path}: samples are written as {', '.join(SAMPLE_FILES)}")
        self._size = (message.width, message.height)
        self._boxes: tuple[Any, Any] | None = None if self.boxes is None else _boxes(self.boxes)

    def message(self, message: Slice | Grid) -> None:
        """Append a sample."""
        if not hasattr(self, "_file"):
            constants = {"channels": np.array(message.channels, "U")} if isinstance(message, Grid) else {}
            self._open(constants if isinstance(message, Grid) and message.channels else {})
        self._file.add(self._sample(message))
        kind = f"{type(message).__name__.lower()}s"
        self.results[kind] = self.results.get(kind, 0) + 1

    def finish(self, t_end: int) -> None:
        """Make the file of a stream in which nothing came."""
        if not hasattr(self, "_file"):
            self._open({})

    def close(self, *, complete: bool) -> None:
        """Finish or delete the file."""
        file = vars(self).pop("_file", None)
        try:
            if file is not None:
                file.finish() if complete else file.discard()
        except BaseException:
            file.discard()
            super().close(complete=False)
            raise
        super().close(complete=complete)

    def _open(self, constants: dict[str, Any]) -> None:
        width, height = self._size
        size = {} if width is None or height is None else {"width": np.int64(width), "height": np.int64(height)}
        part = self.create(self.path).part
        self._file: SampleFile = SAMPLE_FILES[self.path.suffix.lower()](part, self.path, constants | size)

    def _sample(self, message: Slice | Grid) -> dict[str, Any]:
        sample: dict[str, Any] = {
            "t0": np.int64(message.t0),
            "t1": np.int64(message.t1),
            "label": np.int64(self.label),
        }
        if isinstance(message, Grid):
            sample["data"] = message.data
        else:
            sample |= {name: np.ascontiguousarray(message.events.records[name]) for name in "txyp"}
        if self._boxes is not None:
            times, rows = self._boxes
            first, last = np.searchsorted(times, (message.t0, message.t1), "right")
            sample |= {"boxes": rows[first:last], "box_t": times[first:last]}
        return sample


def _boxes(path: Path) -> tuple[Any, Any]:
    from eventflow.datasets.detection import read_boxes

    found = read_boxes(path)
    times = [np.full(len(each.x), each.t, np.int64) for each in found]
    rows = [np.stack([getattr(each, name).astype(np.float64) for name in _BOX_COLUMNS], axis=1) for each in found]
    empty = np.zeros(0, np.int64), np.zeros((0, len(_BOX_COLUMNS)))
    return np.concatenate([empty[0], *times]), np.concatenate([empty[1], *rows])
