"""A latency budget on an edge: what is older is counted, and dropped only where the graph says so."""

from __future__ import annotations

from typing import Any

import pytest


def graph(**edge: Any) -> tuple[dict[str, Any], list[Any]]:
    nodes = {
        "camera": {"use": "test_ramp", "events": 5_000},
        "slow": {"use": "test_pass", "sleep": "20ms"},
        "end": {"use": "null"},
    }
    return nodes, ["camera -> slow", {"slow -> end": edge}]


@pytest.mark.parametrize("where", ["fused", "threads", {"a": ["camera", "slow"], "b": ["end"]}])
def test_what_is_late_is_counted_or_dropped(place: Any, where: Any) -> None:
    """A node that takes 20 ms a packet makes every packet older than 5 ms."""
    passed = place.run(*graph(budget="5ms"), place=where, speed="1", packet_events=2000).summary
    (edge,) = [each for each in passed["edges"] if each["to"] == "end.message"]
    assert edge["late"] == edge["messages_sent"] == edge["messages_received"] > 5
    assert edge["latency_us"]["max"] > 20_000
    assert passed["lossless"]

    dropped = place.run(*graph(budget="5ms", when_late="drop"), place=where, speed="1", packet_events=2000).summary
    (edge,) = [each for each in dropped["edges"] if each["to"] == "end.message"]
    assert edge["drops"] == {"late": edge["messages_sent"]}
    assert edge["messages_received"] == 0
    assert edge["events_dropped"] == edge["events_sent"]


def test_nothing_is_late_where_nothing_is_due(place: Any) -> None:
    summary = place.run(*graph(budget="1us", when_late="drop"), place="fused").summary
    assert summary["edges"][1]["late"] == 0
    assert summary["edges"][1]["latency_us"] is None


def test_when_late_needs_a_budget(place: Any) -> None:
    ended = place.run(*graph(when_late="drop"), place="fused")
    assert ended.code != 0
    assert "needs a budget" in ended.err
