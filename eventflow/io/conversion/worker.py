"""A process that converts: `python -m eventflow.io.conversion.worker PARENT`, started by jobs.py and by nobody else.

One task a line comes in as JSON, and lines go out: how far it is, then what came of it. The process ignores SIGINT,
which is its parent's to handle, and does not outlive it.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import Any, BinaryIO, Final

_PR_SET_PDEATHSIG: Final = 1
_BETWEEN_REPORTS_S: Final = 0.2


def main() -> None:
    """Convert until there is nothing more to do."""
    parent = int(sys.argv[1])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(OSError, AttributeError):  # where the system has no such call, the thread below watches
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_die_with, args=(parent,), daemon=True).start()
    if os.getppid() != parent:  # it died while this process began
        return
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a library prints must not stand between the answers
    from eventflow.io.conversion.tasks import run_task  # takes a second, in which the parent may die

    with suppress(BrokenPipeError):
        for line in sys.stdin.buffer:
            answer = run_task(json.loads(line), _Reporter(answers))
            _say(answers, answer)


class _Reporter:
    def __init__(self, answers: BinaryIO) -> None:
        self._answers = answers
        self._next = 0.0

    def __call__(self, share: float) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _BETWEEN_REPORTS_S
            _say(self._answers, {"progress": round(share, 4)})


def _say(answers: BinaryIO, what: dict[str, Any]) -> None:
    answers.write(json.dumps(what).encode() + b"\n")


def _die_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)


if __name__ == "__main__":
    main()
