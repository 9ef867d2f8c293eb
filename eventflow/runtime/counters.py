"""Plain counters: what passed where. One thread writes each of them, anyone may read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_STEPS_PER_OCTAVE = 8


class LatencyHistogram:
    """Counts of durations in eighths of an octave, so that a percentile is right to 9 % at any scale."""

    def __init__(self, counts: dict[int, int] | None = None, max_ns: int = 0) -> None:
        self.counts = counts or {}
        self.max_ns = max_ns

    def add(self, duration_ns: int) -> None:
        """Count one duration."""
        self.max_ns = max(self.max_ns, duration_ns)
        octave = max(duration_ns, 1).bit_length() - 1
        step = (duration_ns << 3 >> octave) & 7 if octave >= 0 else 0
        key = octave * _STEPS_PER_OCTAVE + step
        self.counts[key] = self.counts.get(key, 0) + 1

    def merge(self, counts: dict[int, int], max_ns: int) -> None:
        """Add another histogram's counts."""
        self.max_ns = max(self.max_ns, max_ns)
        for key, count in dict(counts).items():  # copied at once: its thread may go on counting
            self.counts[int(key)] = self.counts.get(int(key), 0) + count

    def percentile_us(self, share: float) -> float:
        """Return the duration (µs) that `share` of all durations do not exceed."""
        return percentile_us(self.steps_us(), share)

    def steps_us(self) -> list[tuple[float, int]]:
        """Return (the duration, µs, that none of them exceeds, how many there are) for each step, shortest first."""
        return [(min(_upper_ns(key), self.max_ns) / 1000, self.counts[key]) for key in sorted(self.counts)]

    def since(self, before: LatencyHistogram) -> LatencyHistogram:
        """Return what was counted after `before` was copied from this one; its longest is right to a step."""
        more = {key: count - before.counts.get(key, 0) for key, count in self.counts.items()}
        more = {key: count for key, count in more.items() if count}
        return LatencyHistogram(more, min(int(_upper_ns(max(more))), self.max_ns) if more else 0)

    def copy(self) -> LatencyHistogram:
        """Return another with the same counts."""
        return LatencyHistogram(dict(self.counts), self.max_ns)

    def plain(self) -> dict[str, float] | None:
        """Return p50, p99 and max in µs, or None if nothing was counted."""
        if not self.counts:
            return None
        return {"p50": self.percentile_us(0.5), "p99": self.percentile_us(0.99), "max": self.max_ns / 1000}


def _upper_ns(key: int) -> float:
    octave, step = divmod(key, _STEPS_PER_OCTAVE)
    return (1 << octave) * (1 + (step + 1) / _STEPS_PER_OCTAVE)


def percentile_us(steps_us: Sequence[tuple[float, int]], share: float) -> float:
    """Return the duration (µs) that `share` of all do not exceed; `steps_us` are (longest, count), shortest first."""
    wanted = share * sum(count for _, count in steps_us)
    seen = 0
    for upper_us, count in steps_us:
        seen += count
        if count and seen >= wanted:
            return upper_us
    return 0.0


class EdgeCounts:
    """What passed over one edge, as far as this process saw it.

    Drops are messages by reason. `latency` is the age of messages on arrival, `late` how many were beyond the edge's
    budget; both only where a run is live or paced.
    """

    __slots__ = (
        "bytes_sent",
        "drops",
        "events_dropped",
        "events_received",
        "events_sent",
        "late",
        "latency",
        "max_fill",
        "messages_dropped",
        "messages_received",
        "messages_sent",
    )

    def __init__(self) -> None:
        self.messages_sent = self.messages_received = self.messages_dropped = 0
        self.events_sent = self.events_received = self.events_dropped = 0
        self.bytes_sent = self.max_fill = self.late = 0
        self.latency = LatencyHistogram()
        self.drops: dict[str, int] = {}

    def drop(self, reason: str, events: int) -> None:
        """Count one message that is given up."""
        self.messages_dropped += 1
        self.events_dropped += events
        self.drops[reason] = self.drops.get(reason, 0) + 1

    def plain(self) -> dict[str, Any]:
        """Return the counters by name."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        return plain | {"latency": [dict(self.latency.counts), self.latency.max_ns]}


class NodeCounts:
    """What one node did."""

    __slots__ = ("busy_ns", "errors", "events_in", "events_out", "messages_in", "messages_out")

    def __init__(self) -> None:
        self.busy_ns = self.errors = 0
        self.events_in = self.events_out = self.messages_in = self.messages_out = 0

    def plain(self) -> dict[str, Any]:
        """Return the counters by name."""
        return {name: getattr(self, name) for name in self.__slots__}
