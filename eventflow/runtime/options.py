"""How a run is to go: everything `eventflow run` can say besides the graph itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from eventflow.runtime.control import DEFAULT_MEMORY_BYTES, RunControl
from eventflow.runtime.pace import Pace


@dataclass(frozen=True)
class RunOptions:
    """Options that every process of a run needs.

    Attributes:
        pace: when what is due; None is as fast as possible.
        for_us: how much event time of each source to process, µs, of a live one wall time; None is all.
        memory_bytes: what queues and join buffers may hold together.
        run_id: the name under which others may look at the run and steer it; "" is not at all.
        folder: where a failed run leaves tracebacks and messages.
    """

    pace: Pace | None = None
    for_us: int | None = None
    memory_bytes: int = DEFAULT_MEMORY_BYTES
    folder: str = ""
    run_id: str = ""

    def control(self) -> RunControl:
        """Return what the tasks of one process look at."""
        control = RunControl(self.memory_bytes)
        control.pace, control.for_us = self.pace, self.for_us
        return control

    def plain(self) -> dict[str, Any]:
        """Return the options as MessagePack holds them."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> RunOptions:
        """Return the options that `plain` described."""
        pace = plain["pace"]
        steps = None if pace is None else tuple((wall_s, speed) for wall_s, speed in pace["steps"])
        return cls(**(plain | {"pace": None if steps is None else Pace(steps, pace["jitter_us"])}))
