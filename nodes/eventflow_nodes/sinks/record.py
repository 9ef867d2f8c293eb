"""Recording while everything else goes on."""

from __future__ import annotations

import threading
import time
from collections import deque
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

from eventflow.codec import size_of
from eventflow.errors import RecordingError
from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.io import Writer, create
from eventflow.io.table import format_named, format_to_write
from eventflow.messages import Message, StreamInfo, time_of
from eventflow.units import Duration, Size

_FLUSH_S: Final = 0.01  # what a crash may cost in a live run, besides what waits for the disk
_EACH_AT_ONCE: Final = {"mcap": {"chunk_bytes": 1}}  # in a live run: a chunk holds what one flush wrote


class Record(Node):
    """Record what passes, in a thread of its own, so that a slow disk does not slow the graph.

    Any recording format holds events; .mcap holds every kind of message. What waits for the disk is bounded: beyond it
    the run ends with an error, for a recording with holes would not say so. Where the program dies, NAME.part holds
    everything up to the last packets (of a live stream, up to 10 ms before) and is read like any other recording; a run
    that fails finishes its recording.

    Args:
        path: the file; with `rotate_time` or `rotate_size` the files are NAME-0000, NAME-0001, …
        format: name of the format, where the suffix leaves a choice.
        rotate_time: begin a new file at each multiple of so much event time; 0: never.
        rotate_size: begin a new file when this one has so many bytes; 0: never.
        waiting: how much may wait for the disk.
    """

    heavy: ClassVar[bool] = False
    rehearses: ClassVar[bool] = False
    path: Path
    format: str | None = None
    rotate_time: Annotated[Duration, Range(0)] = 0
    rotate_size: Annotated[Size, Range(0)] = 0
    waiting: Annotated[Size, Range(1)] = 256_000_000

    def start(self, message: StreamInfo) -> None:
        """Begin the thread; a file is opened with the first message."""
        row = format_named(self.format) if self.format else format_to_write(str(self.path))
        if not row.writes:
            raise RecordingError(f"{self.path}: {row.title} can be read but not written")
        self._row, self._info = row, message
        self._queue: deque[Any] = deque()
        self._held_bytes = 0
        self._changed = threading.Condition()
        self._ended = False
        self._error: BaseException | None = None
        self._writer: Writer | None = None
        self._number = self._window = 0
        self._unflushed, self._flushed = False, time.monotonic()
        self._thread = threading.Thread(target=self._work, name=f"record {self.path.name}", daemon=True)
        self._thread.start()

    def message(self, message: Events | Message) -> None:
        """Hand a message to the thread.

        Raises:
            RecordingError: the disk is too slow, or refused.
        """
        size = size_of(message)
        with self._changed:
            if self._error is not None:
                raise self._error
            if self._held_bytes + size > self.waiting and self._held_bytes:
                raise RecordingError(
                    f"{self.path}: {self._held_bytes / 1e6:.0f} MB wait for the disk at t={time_of(message)} µs, which "
                    f"is too slow for this stream; record elsewhere, in another format, or raise `waiting`"
                )
            self._held_bytes += size
            self._queue.append((message, size))
            self._changed.notify()

    def finish(self, t_end: int) -> None:
        """Wait until everything is on disk."""
        self._join()
        if self._error is not None:
            raise self._error

    def close(self, *, complete: bool) -> None:
        """Finish the file, also that of a run that failed: what it holds was seen once."""
        if hasattr(self, "_thread"):
            self._join()
            try:
                self._finish_file()
            except RecordingError:
                if complete:
                    raise
        super().close(complete=complete)

    def _join(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                if not (self._queue or self._ended):
                    self._changed.wait(_FLUSH_S if self._unflushed else None)
                if self._ended and not self._queue:
                    return
                message, size = self._queue.popleft() if self._queue else (None, 0)
            try:
                if message is not None:
                    self._put(message)
                self._flush(idle=message is None)
            except Exception as error:
                with self._changed:
                    self._error = error
                    self._queue.clear()
                return
            with self._changed:
                self._held_bytes -= size

    def _flush(self, *, idle: bool) -> None:
        """Hand what was written to the system from time to time, where the stream will not come again."""
        now = time.monotonic()
        due = self._unflushed and (idle or now - self._flushed > _FLUSH_S)
        if due and self._writer is not None and self._info.live:
            self._writer.flush()
            self._unflushed, self._flushed = False, now

    def _put(self, message: Any) -> None:
        for part in self._cut(message):
            self._rotate(part)
            if self._writer is None:
                self._writer = self._open()
            if isinstance(part, Events):
                self._writer.write(part)
            elif not self._writer.holds(type(part).__name__.lower()):
                raise RecordingError(
                    f"{self.path}: {type(part).__name__} is not held by {self._row.title}; record it as .mcap"
                )
            else:
                self._writer.add(type(part).__name__.lower(), part)
        self._unflushed = self._info.live

    def _cut(self, message: Any) -> list[Any]:
        """Return a packet in parts, none across a multiple of `rotate_time`."""
        if not isinstance(message, Events) or not self.rotate_time or not message.ordered or not len(message):
            return [message]
        parts, span = [], self.rotate_time
        while len(message):
            border = (int(message.t[0]) // span + 1) * span
            end = int(message.t.searchsorted(border))
            parts.append(message[:end])
            message = message[end:]
        return parts

    def _rotate(self, part: Any) -> None:
        timed = self.rotate_time and (len(part) if isinstance(part, Events) else True)
        window = time_of(part) // self.rotate_time if timed else 0
        full = self.rotate_size and self._writer is not None and self._writer.size_bytes >= self.rotate_size
        if self._writer is not None and (full or (self.rotate_time and window > self._window)):
            self._finish_file()
        self._window = max(self._window, window)

    def _open(self) -> Writer:
        path = self.path
        if self.rotate_time or self.rotate_size:
            path = path.with_name(f"{path.stem}-{self._number:04d}{path.suffix}")
        self._number += 1
        options = _EACH_AT_ONCE.get(self._row.name, {}) if self._info.live else {}
        return create(
            path,
            width=self._info.width,
            height=self._info.height,
            format=self._row.name,
            keep_unfinished=True,
            **options,
        )

    def _finish_file(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            self.outputs.append(writer.close())
