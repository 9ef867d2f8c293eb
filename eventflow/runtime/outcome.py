"""What came of a run: filled while it goes, turned into a summary whenever somebody asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from eventflow.runtime.summary import make_summary

if TYPE_CHECKING:
    from eventflow.graph.graph import Graph
    from eventflow.runtime.plan import Plan


@dataclass
class Outcome:
    """Everything a summary is made of; the dicts are by worker name.

    Attributes:
        failure: the first error, or None.
        grown: how often each edge was enlarged, by its index.
        steering: what somebody did to the run while it went, in order.
        stall: the waiting edges in words, as they stood at the end.
    """

    graph: Graph
    plan: Plan
    paced: bool = False
    snapshots: dict[str, dict[str, Any]] = field(default_factory=dict)
    reports: dict[str, dict[str, Any]] = field(default_factory=dict)
    pids: dict[str, int] = field(default_factory=dict)
    wall_s: float = 0.0
    interrupted: bool = False
    failure: BaseException | None = None
    grown: dict[int, int] = field(default_factory=dict)
    stall: str = ""
    steering: list[dict[str, Any]] = field(default_factory=list)

    def summary(self, *, hash_files: bool = False) -> dict[str, Any]:
        """Return the summary as it stands."""
        return make_summary(
            self.graph,
            self.plan,
            self.snapshots,
            self.reports,
            self.pids,
            wall_s=self.wall_s,
            paced=self.paced,
            interrupted=self.interrupted,
            grown=self.grown,
            steering=self.steering,
            hash_files=hash_files,
        )
