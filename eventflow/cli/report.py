"""What is said of a run at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventflow.cli.options import number

if TYPE_CHECKING:
    from eventflow.graph.graph import Graph


def report(graph: Graph, summary: dict[str, Any]) -> str:
    """Return the summary in a few lines."""
    wall_s, events = summary["wall_s"], summary["events"]
    rate = f" ({events / wall_s / 1e6:.1f} Mev/s)" if wall_s > 0 else ""
    end = ", interrupted" if summary["interrupted"] else ""
    lines = [f"{summary['graph']}: {number(events)} events in {wall_s:.2f} s{rate}, {_loss(summary)}{end}"]
    if summary["latency_us"]:
        latency = summary["latency_us"]
        lines.append("  latency " + ", ".join(f"{name} {number(latency[name])} µs" for name in ("p50", "p99", "max")))
    for node, output in summary["outputs"].items():
        what = output["path"] or "content hash"
        digest = f"  blake2b {output['blake2b'][:16]}…" if output["blake2b"] else ""
        kind = "" if output["reproducible"] else "  (not reproducible)"
        lines.append(f"  {node}: {what}{digest}{kind}")
    for node, results in summary["results"].items():
        lines += [f"  {node}.{name} = {_value(value)}" for name, value in results.items()]
    return "\n".join(lines)


def _loss(summary: dict[str, Any]) -> str:
    dropped = [edge for edge in summary["edges"] if edge["messages_dropped"]]
    if not dropped:
        return "nothing lost" if summary["lossless"] else "counts differ"
    words = [f"{edge['from']} -> {edge['to']}: {number(edge['messages_dropped'])}" for edge in dropped]
    return f"messages dropped as the graph allows ({'; '.join(words)})"


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def damage(graph: Graph, summary: dict[str, Any]) -> list[str]:
    """Return a line for each source that could not read all of its recording."""
    lines = []
    for name, counts in summary["nodes"].items():
        if graph.nodes[name].is_source and any(counts["skipped"].values()):
            reasons = ", ".join(f"{number(count)} {reason}" for reason, count in sorted(counts["skipped"].items()))
            live = graph.nodes[name].node_class.live
            what = "part of the stream is missing" if live else "part of the recording is damaged and was left out"
            lines.append(f"{name}: {what}: {reasons}")
    return lines
