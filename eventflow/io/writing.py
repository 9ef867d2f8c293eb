"""Writing recordings: whole under their own name, or not at all."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventflow.errors import RecordingError
from eventflow.events import Events
from eventflow.io.parts import PartFile, writing
from eventflow.io.recording import call_with
from eventflow.io.table import format_named, format_to_write

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from eventflow.io.decoder import Encoder
    from eventflow.messages import Message


class Writer:
    """A recording being written. Made by `create`. As a context manager it keeps on success, discards on an exception.

    Attributes:
        path: the target file.
        format: name of the format.
        events: events written so far.
        messages: messages of other streams written so far, by stream.
        left_behind: columns ("labels", "scores") and streams that came and that the format cannot hold.
    """

    def __init__(self, parts: PartFile, encoder: Encoder, file: Any, *, size: tuple[int, int], format: str) -> None:
        self._parts, self._encoder, self._file = parts, encoder, file
        self.format = format
        self._size = size
        self.path: Path = parts.path
        self.events = 0
        self.messages: dict[str, int] = {}
        self.left_behind: set[str] = set()
        self._closed = False

    def write(self, events: Events) -> None:
        """Append events, all from a sensor of the size the recording was created with.

        Raises:
            RecordingError: another sensor size, or the file system refuses.
        """
        if (events.width, events.height) != self._size:
            raise RecordingError(
                f"{self.path}: events {self.events}… are of a {events.width}x{events.height} sensor, "
                f"the recording is {self._size[0]}x{self._size[1]}"
            )
        for name in ("labels", "scores"):
            if name not in self._encoder.columns and getattr(events, name) is not None:
                self.left_behind.add(name)
        with writing(self.path):
            self._encoder.write(events)
        self.events += len(events)

    @property
    def size_bytes(self) -> int:
        """Bytes of the unfinished file so far."""
        part = self._parts.part
        files = part.rglob("*") if part.is_dir() else [part]
        return sum(each.stat().st_size for each in files if each.is_file())

    def holds(self, stream: str) -> bool:
        """Return whether the format can hold a stream of this name."""
        return stream not in self._encoder.given_up and self._encoder.holds(stream)

    def add(self, stream: str, message: Message) -> None:
        """Append a message of another stream ("triggers", "frames", …); one the format cannot hold is left behind."""
        if not self.holds(stream):
            self.left_behind.add(stream)
            return
        with writing(self.path):
            self._encoder.add(stream, message)
        self.messages[stream] = self.messages.get(stream, 0) + 1
        if stream in self._encoder.given_up:
            self.left_behind.add(stream)
            del self.messages[stream]

    def flush(self) -> None:
        """Hand everything to the system that can be, so that a crash of this process loses little."""
        with writing(self.path):
            self._encoder.flush()
            if hasattr(self._file, "flush"):
                self._file.flush()

    def finish(self) -> Path:
        """Write what belongs at the end and return the file, whole and not yet under its name."""
        with writing(self.path):
            if not self._closed:
                self._encoder.finish()
                self._close_file()
        return self._parts.part

    def close(self) -> Path:
        """Finish the recording and give it its name."""
        self.finish()
        return self._parts.keep()

    def discard(self) -> None:
        """Delete what was written."""
        self._encoder.discard()
        with suppress(OSError):  # a full disk refuses the last buffer too, and the file goes anyway
            self._close_file()
        self._parts.discard()

    def _close_file(self) -> None:
        self._closed = True
        if not isinstance(self._file, Path):  # else the encoder closes what it made
            self._file.close()

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            try:
                self.close()
            except BaseException:
                self.discard()
                raise
        else:
            self.discard()


def create(
    path: str | os.PathLike[str],
    *,
    width: int,
    height: int,
    format: str | None = None,
    keep_unfinished: bool = False,
    **options: Any,
) -> Writer:
    """Begin to write a recording of a `width` x `height` sensor.

    Args:
        path: the target; it appears when the writer is closed. An existing file is replaced then.
        width: sensor width, px.
        height: sensor height, px.
        format: name of the format; None goes by the suffix.
        keep_unfinished: whether what was written stays as NAME.part where it does not come to an end.
        options: further options of the format.

    Raises:
        RecordingError: no format has the suffix, or the place cannot be written to.
    """
    row = format_to_write(str(path)) if format is None else format_named(format)
    if not row.writes:
        raise RecordingError(f"{path}: {row.title} can be read but not written")
    module = row.load()
    if row.own_files and Path(path).is_dir() and (row.folder is None or not row.folder(Path(path))):
        raise RecordingError(f"{path}: is a directory and no {row.title}; name another place")
    parts = PartFile(path, made=not row.own_files, kept=keep_unfinished)
    with ExitStack() as on_failure:
        on_failure.callback(parts.discard)
        with writing(path):
            # not "w+b": what is truncated, even when empty, ext4 brings to the disk as it is closed
            file = parts.part if row.own_files else on_failure.enter_context(parts.part.open("r+b"))
        given = {"width": width, "height": height, **options}
        encoder = call_with(module.open_encoder, file, options=given, what=row.name)
        on_failure.pop_all()
    return Writer(parts, encoder, file, size=(width, height), format=row.name)


def write(
    events: Events | Iterable[Events],
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    width: int | None = None,
    height: int | None = None,
    **options: Any,
) -> Path:
    """Write events, or a stream of packets, as one recording and return its path.

    Args:
        events: a packet, or an iterable of packets from one sensor, such as an opened recording.
        path: the target; it appears when all is written.
        format: name of the format; None goes by the suffix.
        width: sensor width, px; needed only where there is no first packet to say.
        height: sensor height, px.
        options: further options of the format.
    """
    packets = iter([events] if isinstance(events, Events) else events)
    first = next(packets, None)
    if first is not None:
        width, height = first.width, first.height
    if width is None or height is None:
        raise RecordingError(f"{path}: there are no packets to tell the sensor size; pass width= and height=")
    with create(path, width=width, height=height, format=format, **options) as writer:
        if first is not None:
            writer.write(first)
        for packet in packets:
            writer.write(packet)
    return writer.path
