"""Ctrl-C: the first asks the sources to end and everything under way is finished; the second gives the run up."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_KILLS = 3


class Interrupts:
    """While entered, SIGINT and SIGTERM call `drain`, then `abort`; a third ends the process.

    Attributes:
        count: how many came.
    """

    def __init__(self, *, drain: Callable[[], None], abort: Callable[[], None]) -> None:
        self.count = 0
        self._drain = drain
        self._abort = abort
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: Any) -> None:
        self.count += 1
        if self.count == 1:
            # another thread does it: the handler may have interrupted a thread that holds the very lock it needs
            threading.Thread(target=self._drain, name="drain", daemon=True).start()
        elif self.count < _KILLS:
            threading.Thread(target=self._abort, name="abort", daemon=True).start()
        else:
            os._exit(130)
