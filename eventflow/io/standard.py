"""Events on standard output, for the program behind the pipe.

What goes there is a recording of a format that is written from front to back, header first; from then on whatever else
this process would print there goes to standard error.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from eventflow.errors import RecordingError
from eventflow.io.table import format_named

if TYPE_CHECKING:
    from eventflow.events import Events
    from eventflow.messages import Message

STREAMED: Final = ("evt3", "evt2", "evt21", "dat", "es", "csv")
"""The formats that need not go back to what they have written."""
_WORKER: Final = "eventflow.runtime.worker"


class StandardOutput:
    """A recording that goes to standard output, a packet as soon as it comes.

    Args:
        width: sensor width, px.
        height: sensor height, px.
        format: one of STREAMED.

    Raises:
        RecordingError: the format cannot be written so, or this process has no standard output of its own.
    """

    def __init__(self, *, width: int, height: int, format: str) -> None:
        if format not in STREAMED:
            raise RecordingError(
                f"standard output cannot be written as {format}, which goes back to its start; choose "
                f"{', '.join(STREAMED)}"
            )
        if getattr(getattr(sys.modules.get("__main__"), "__spec__", None), "name", "") == _WORKER:
            raise RecordingError(
                "standard output belongs to the process that was started: run with --place threads or fused"
            )
        if os.isatty(1):
            raise RecordingError("standard output is a terminal; put `| eventflow …` or `> FILE` behind the command")
        self._file = _taken_stdout()
        self._encoder: Any = format_named(format).load().open_encoder(self._file, width=width, height=height)

    def write(self, events: Events) -> None:
        """Append events.

        Raises:
            RecordingError: who reads has gone.
        """
        try:
            self._encoder.write(events)
            self._encoder.flush()
            self._file.flush()
        except BrokenPipeError:
            raise RecordingError("standard output: the program that read it has gone") from None

    def add(self, stream: str, message: Message) -> None:
        """Append a message of another stream, where the format holds it."""
        if stream in self._encoder.streams:
            self._encoder.add(stream, message)

    def close(self) -> None:
        """Write what belongs at the end."""
        try:
            self._encoder.finish()
            self._file.close()
        except BrokenPipeError:
            raise RecordingError("standard output: the program that read it has gone") from None

    def discard(self) -> None:
        """Leave what was written as it is: it is gone already."""
        try:
            self._file.close()
        except OSError:
            return


def _taken_stdout() -> BinaryIO:
    sys.stdout.flush()
    file = os.fdopen(os.dup(1), "wb", buffering=1 << 16)
    os.dup2(2, 1)
    return file
