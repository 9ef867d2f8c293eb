"""Files of events, tracks and grids, and recordings of any stream."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eventflow.errors import RecordingError
from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.io import create, formats
from eventflow.io.source import STDIN
from eventflow.io.standard import STREAMED, StandardOutput
from eventflow.io.table import format_named
from eventflow.messages import Grid, Label, Message, StreamInfo, Tracks
from eventflow_nodes.sinks.grid_files import GridHdf5, GridNpz
from eventflow_nodes.sinks.label_files import LabelsCsv
from eventflow_nodes.sinks.track_files import TracksCsv, TracksNpz

_TRACK_FILES = {".csv": TracksCsv, ".npz": TracksNpz}
_CONTAINER = "mcap"
_GRID_FILES = {".npz": GridNpz, ".h5": GridHdf5, ".hdf5": GridHdf5}
_LABEL_FILES = {".csv": LabelsCsv}
_OWN_FILES: dict[type, dict[str, Any]] = {Tracks: _TRACK_FILES, Grid: _GRID_FILES, Label: _LABEL_FILES}


class Write(Node):
    """Write what comes into a file, as its kind and the file's suffix say.

    Events go into any recording format that is written (`eventflow convert --help` lists them); tracks into .csv or
    .npz; grids into .npz or .h5; labels into .csv; any message into .mcap, with the graph, from where `read` replays
    it. The file appears when it is whole, and depends on what is in the stream alone. Events that are unordered are
    written as they are.

    Args:
        path: the file; `-` is standard output, for events and another program behind a pipe: `eventflow run … |
            eventflow run …` with `read` of path `-` there.
        format: name of the recording format, where the suffix does not say; of standard output evt3 unless it says.
    """

    path: Path
    format: str | None = None

    def start(self, message: StreamInfo) -> None:
        """Refuse a file that nothing is written as."""
        self._size = (message.width, message.height)
        self._standard = str(self.path) == STDIN
        if self._standard:
            self._recorded = False
            self._file: Any = StandardOutput(
                width=message.width, height=message.height, format=self.format or STREAMED[0]
            )
            self._kind: type = Events
            return
        if self.format is not None and not format_named(self.format).writes:
            raise RecordingError(f"{self.path}: format {self.format} can be read but not written")
        suffix = self.path.suffix.lower()
        self._recorded = self.format == _CONTAINER or (self.format is None and suffix == f".{_CONTAINER}")
        if not _kinds(self.path, self.format):
            raise RecordingError(f"{self.path}: nothing is written with this suffix; {_allowed()}")

    def message(self, message: Events | Message) -> None:
        """Append a message."""
        if isinstance(message, Events) and not len(message):
            return
        if self._standard and not isinstance(message, Events):
            raise RecordingError(f"standard output takes events, not {type(message).__name__}; write a file")
        if not hasattr(self, "_file"):
            self._open(type(message))
        if isinstance(message, Events):
            self._file.write(message)
        elif self._recorded:
            from eventflow.io.container import stream_of

            self._file.add(stream_of(type(message).__name__), message)
        else:
            self._file.add(message)

    def finish(self, t_end: int) -> None:
        """Make the file of a stream in which nothing came."""
        if not hasattr(self, "_file"):
            self._open(Events if self._recorded else _kinds(self.path, self.format)[0])

    def close(self, *, complete: bool) -> None:
        """Finish or delete the file."""
        file = vars(self).pop("_file", None)
        try:
            if file is not None and not complete:
                file.discard()
            elif file is not None and self._standard:
                file.close()
            elif file is not None and (self._kind is Events or self._recorded):
                self.outputs.append(file.close())
            elif file is not None:
                file.finish()
        except BaseException:
            file.discard()
            super().close(complete=False)
            raise
        super().close(complete=complete)

    def _open(self, kind: type) -> None:
        suffix = self.path.suffix.lower()
        if not self._recorded and kind not in _kinds(self.path, self.format):
            raise RecordingError(
                f"{self.path}: {kind.__name__} are not written as {self.format or suffix}; {_allowed()}"
            )
        self._kind = kind
        width, height = self._size
        if self._recorded:
            text = None if self.services is None else self.services.graph_text or None
            self._file = create(self.path, width=width, height=height, format=_CONTAINER, graph=text)
        elif kind is Events:
            self._file = create(self.path, width=width, height=height, format=self.format)
        else:
            self._file = _OWN_FILES[kind][suffix](self.create(self.path).part, self.path)


def _suffixes(kind: type) -> tuple[str, ...]:
    """Return the suffixes that a kind of message is written with."""
    if kind is Events:
        return tuple(suffix for row in formats() if row.writes for suffix in row.suffixes)
    return tuple(_OWN_FILES[kind])


def _kinds(path: Path, format: str | None) -> list[type]:
    """Return the kinds that fit a file; a named format is one of recordings, so it fits events alone."""
    if format is not None:
        return [Events]
    return [kind for kind in (Tracks, Events, Grid, Label) if path.suffix.lower() in _suffixes(kind)]


def _allowed() -> str:
    words = [f"{kind.__name__} as {', '.join(dict.fromkeys(_suffixes(kind)))}" for kind in (Events, *_OWN_FILES)]
    return "; ".join([*words, f"any message as .{_CONTAINER}"])
