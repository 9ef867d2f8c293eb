"""Every error eventflow raises on purpose.

EventflowError
├── EventsError            events break an invariant; `index` is the first offender (also a ValueError)
├── CodecError             bytes are not the message they claim to be (also a ValueError)
├── UnitError              a text such as "10 parsec" is not a duration or a size (also a ValueError)
├── ParameterError         a node's or a function's parameter has a value that is not allowed (also a ValueError)
├── RecordingError         a recording cannot be read or written
│   ├── UnknownFormatError     nothing in the format table recognises the file
│   └── DamagedRecordingError  the recording breaks its format and the reader was told not to go on
├── GraphError             a graph file is wrong; `problems` are all of them, each with its place
├── NodeDeclarationError   a node class breaks the node contract (also a TypeError)
├── MissingExtraError      an optional package is not installed (also an ImportError)
└── RunError               a graph failed while running
    ├── NodeFailedError        a node raised: node, edge and seq say where
    ├── LinkError              a peer broke the wire protocol or went away
    ├── EdgeFullError          an edge with `when_full: fail` was full
    ├── MemoryLimitError       queues and join buffers reached the run's memory limit
    └── WorkerDiedError        a worker process ended without saying so

A message says what is wrong, where, what was expected and what to do. The command line prints it without a traceback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class EventflowError(Exception):
    """Root of every error that eventflow raises on purpose."""


class EventsError(EventflowError, ValueError):
    """Events break an invariant. `index` is the position of the first offender, or None."""

    def __init__(self, message: str, index: int | None = None) -> None:
        super().__init__(message)
        self.index = index


class CodecError(EventflowError, ValueError):
    """Bytes are not the message they claim to be."""


class UnitError(EventflowError, ValueError):
    """A text is not a duration or a size."""


class ParameterError(EventflowError, ValueError):
    """A parameter has a value that is not allowed."""


class RecordingError(EventflowError):
    """A recording cannot be read or written."""


class UnknownFormatError(RecordingError):
    """Nothing in the format table recognises the file."""


class DamagedRecordingError(RecordingError):
    """The recording breaks its format and the reader was told not to go on."""


class GraphError(EventflowError):
    """A graph file is wrong. `problems` lists every problem, each starting with `file:line:column:`."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


class NodeDeclarationError(EventflowError, TypeError):
    """A node class breaks the node contract."""


class MissingExtraError(EventflowError, ImportError):
    """An optional package is not installed."""


class RunError(EventflowError):
    """A graph failed while running."""


class NodeFailedError(RunError):
    """A node raised. The traceback and the message it failed on lie in the run's folder.

    Attributes:
        node: its name.
        place: the edge that brought the message, or the method that failed ("start", "run", "finish").
        seq: number of the message on that edge, from 0.
        cause: the exception's last line.
        traceback: all of it.
        folder: where the traceback and the message were kept; "" if they could not be.
    """

    def __init__(self, node: str, place: str, seq: int, cause: str, traceback: str = "", folder: str = "") -> None:
        where = f"edge {place}, message {seq}" if "->" in place else f"in {place}()"
        super().__init__(
            f"node {node!r}, {where}: {cause}" + (f"\nThe traceback and the message are in {folder}" if folder else "")
        )
        self.node, self.place, self.seq, self.cause = node, place, seq, cause
        self.traceback = traceback
        self.folder = folder


class LinkError(RunError):
    """A peer broke the wire protocol or went away."""


class EdgeFullError(RunError):
    """An edge with `when_full: fail` was full."""


class MemoryLimitError(RunError):
    """Queues and join buffers reached the run's memory limit."""


class WorkerDiedError(RunError):
    """A worker process ended without saying so."""


def missing_extra(package: str, extra: str, purpose: str) -> MissingExtraError:
    """Return the one sentence that says what to install."""
    return MissingExtraError(f"{purpose} needs {package}: pip install 'eventflow-dvs[{extra}]'")
