"""How a run is to go: everything `eventflow run` can say besides the graph itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from eventflow.errors import ParameterError
from eventflow.runtime.control import DEFAULT_MEMORY_BYTES, RunControl


@dataclass(frozen=True)
class RunOptions:
    """Options that every process of a run needs.

    Attributes:
        speed: event time per wall time; None is as fast as possible.
        for_us: how much event time of each source to process, µs; None is all.
        memory_bytes: what queues and join buffers may hold together.
        folder: where a failed run leaves tracebacks and messages.
    """

    speed: float | None = None
    for_us: int | None = None
    memory_bytes: int = DEFAULT_MEMORY_BYTES
    folder: str = ""

    def control(self) -> RunControl:
        """Return what the tasks of one process look at."""
        control = RunControl(self.memory_bytes)
        control.speed, control.for_us = self.speed, self.for_us
        return control

    def plain(self) -> dict[str, Any]:
        """Return the options as MessagePack holds them."""
        return asdict(self)


def speed_from_text(text: str | float | None) -> float | None:
    """Return the speed from "max", "1", "0.1" or a number; None is as fast as possible.

    Raises:
        ParameterError: it is neither, or not above zero.
    """
    if text in (None, "max"):
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = -1.0
    if not 0 < speed < float("inf"):
        raise ParameterError(f"--speed {text}: expected max or a number above 0, such as 1 or 0.1")
    return speed
