"""How exactly a thread is woken."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress
from typing import Final

_PR_SET_TIMERSLACK: Final = 29  # linux/prctl.h


def wake_on_time() -> None:
    """Have the system wake this thread when a sleep is over, not up to 50 µs later together with others."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
