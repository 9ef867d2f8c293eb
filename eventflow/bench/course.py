"""The course of a run: what its latency and its memory were, second by second."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from eventflow.runtime.counters import percentile_us

_EVERY_S: Final = 1.0


class Course:
    """Take a sample of a run about once a second; give it to `eventflow.run` as `on_progress`.

    Attributes:
        samples: wall_s; p50_us, p99_us and max_us of the messages since the sample before, None if there were none;
            memory_bytes of all processes, files that they map left out; events so far.
    """

    def __init__(self) -> None:
        self.samples: list[dict[str, Any]] = []
        self._before: dict[float, int] = {}

    def __call__(self, summary: dict[str, Any]) -> None:
        """Look at a summary as it stands."""
        if self.samples and summary["wall_s"] < self.samples[-1]["wall_s"]:
            self.samples.clear()  # the clock starts anew when all processes are ready
        if self.samples and summary["wall_s"] - self.samples[-1]["wall_s"] < _EVERY_S:
            return
        now = dict(summary["latency_steps_us"] or [])
        more = [(upper, count - self._before.get(upper, 0)) for upper, count in sorted(now.items())]
        seen = any(count > 0 for _, count in more)
        self._before = now
        self.samples.append(
            {
                "wall_s": summary["wall_s"],
                "p50_us": percentile_us(more, 0.5) if seen else None,
                "p99_us": percentile_us(more, 0.99) if seen else None,
                "max_us": percentile_us(more, 1.0) if seen else None,
                "memory_bytes": sum(_memory_bytes(each["pid"]) for each in summary["plan"]["workers"]),
                "events": summary["events"],
            }
        )


def _memory_bytes(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    fields = dict(line.split(":", 1) for line in status if ":" in line)
    return sum(int(fields[name].split()[0]) * 1024 for name in ("RssAnon", "RssShmem") if name in fields)
