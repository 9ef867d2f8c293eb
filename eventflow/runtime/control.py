"""What every thread of a run looks at: whether to go on, and how much memory queues hold."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from eventflow.errors import MemoryLimitError

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventflow.runtime.pace import Pace

DEFAULT_MEMORY_BYTES = 1_000_000_000


class Aborted(BaseException):
    """Raised out of every wait when the run is given up. Nobody but the task loop catches it."""


class RunControl:
    """Shared by all tasks of one process.

    `draining` asks the sources to end; everything they sent is still processed. `aborted` ends every wait at once.
    `paused` holds the sources back, `paused_ns` is how long it did so in all, and `steered` says that somebody takes a
    hand in the run, so that no source may run without looking here.
    """

    def __init__(self, memory_bytes: int = DEFAULT_MEMORY_BYTES) -> None:
        self.draining = threading.Event()
        self.go = threading.Event()
        self.aborted = False
        self.steered = False
        self.paused = False
        self.paused_ns = 0
        self._paused_since = 0
        self.anchor_ns = 0
        self.anchor_t: int | None = None
        self.pace: Pace | None = None
        self.for_us: int | None = None
        self.memory_bytes = memory_bytes
        self.held_bytes = 0
        self._lock = threading.Lock()
        self._wakers: list[Callable[[], None]] = []

    @property
    def paced(self) -> bool:
        """Whether sources keep to a clock."""
        return self.pace is not None

    def on_change(self, wake: Callable[[], None]) -> None:
        """Register a function that ends a wait, so that its thread looks here again."""
        self._wakers.append(wake)

    def start(self, anchor_ns: int, anchor_t: int | None) -> None:
        """Let the sources go: event time `anchor_t` (µs) is the monotonic time `anchor_ns`."""
        self.anchor_ns, self.anchor_t = anchor_ns, anchor_t
        self.go.set()
        self.wake()

    def pause(self) -> None:
        """Hold the sources back; what they sent is still processed."""
        if not self.paused:
            self._paused_since = time.monotonic_ns()
            self.steered = self.paused = True

    def resume(self) -> None:
        """Let the sources go on; what was due meanwhile is due later by as long as the pause was."""
        if self.paused:
            self.paused_ns += time.monotonic_ns() - self._paused_since
            self.paused = False
            self.wake()

    def wake(self) -> None:
        """End every wait, so that its thread looks here again."""
        for wake in self._wakers:
            wake()

    def drain(self) -> None:
        """Ask the sources to end."""
        self.draining.set()
        self.wake()

    def abort(self) -> None:
        """End every wait in this process with `Aborted`."""
        self.aborted = True
        self.draining.set()
        self.go.set()
        self.wake()

    def check(self) -> None:
        """Raise `Aborted` if the run was given up."""
        if self.aborted:
            raise Aborted

    def hold(self, size: int) -> None:
        """Account for bytes that wait in a queue or join buffer (negative: they left).

        Raises:
            MemoryLimitError: the run's limit is reached.
        """
        with self._lock:
            self.held_bytes += size
        if size > 0 and self.held_bytes > self.memory_bytes:
            raise memory_limit_error(self.held_bytes, self.memory_bytes)


def memory_limit_error(held_bytes: int, limit_bytes: int) -> MemoryLimitError:
    """Return the error of a run whose queues and join buffers hold more than it may."""
    return MemoryLimitError(
        f"queues and join buffers hold {held_bytes / 1e6:.3g} MB, more than --memory {limit_bytes / 1e6:.3g} MB"
    )
