"""What the live benchmark says of a run is what the run did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eventflow.bench import live_network, scenes
from eventflow.bench.course import Course
from eventflow.bench.live import latency_row, path_graph, path_place
from eventflow.bench.model import Limit
from eventflow.bench.plugin import run_apart
from eventflow.bench.suite import Bench
from eventflow.synth.simulation import Simulation


def _summary(wall_s: float, steps: list[tuple[float, int]]) -> dict[str, Any]:
    return {"wall_s": wall_s, "latency_steps_us": steps, "events": 0, "plan": {"workers": []}}


def test_a_course_tells_the_seconds_apart() -> None:
    course = Course()
    course(_summary(7.0, []))  # while processes start
    course(_summary(0.0, [(100.0, 50)]))
    course(_summary(0.5, [(100.0, 60)]))  # less than a second later
    course(_summary(1.1, [(100.0, 60), (900.0, 100)]))
    course(_summary(2.2, [(100.0, 60), (900.0, 100)]))
    assert [each["p99_us"] for each in course.samples] == [100.0, 900.0, None]
    assert [each["p50_us"] for each in course.samples] == [100.0, 900.0, None]


@pytest.mark.parametrize("place", ["two_processes", "one_process"])
def test_a_path_is_measured_and_loses_nothing(place: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenes.inputs, "folder", lambda: tmp_path)
    monkeypatch.setitem(scenes.RATES, 1, scenes.SceneRate(60, 104, 0.475, 0.02))
    graph = path_graph(1, 0.05, above_end="slices")
    summary = run_apart(graph, path_place(place, "slices"), speed=1)
    row = latency_row("x", "x", summary, Limit(1e12))
    assert all(met for _, met in row.verdicts)
    assert "stcf kept" in row.note
    assert summary["samples"]
    rendered = len(np.load(scenes.scene_path(1)))
    assert summary["events"] > 2 * rendered  # the scene is 20 ms long, and 50 ms were asked for


def test_a_scene_is_what_it_is_said_to_be() -> None:
    """Its own rate, noise included, is the stated one; a short piece of the slowest scene is enough to see it."""
    rate = scenes.RATES[1]
    simulation = Simulation(
        "shapes", seed=1, duration=60_000, width=scenes.WIDTH, height=scenes.HEIGHT, count=scenes.OBJECTS,
        size=rate.size, speed=rate.speed, noise=rate.noise, leak=0.0,
    )  # fmt: skip
    packets = list(simulation.packets())
    labels = np.concatenate([packet.labels for packet in packets])
    assert len(labels) / 60_000 == pytest.approx(1, rel=0.2)
    assert (labels == 2).mean() == pytest.approx(0.3, abs=0.07)


@pytest.mark.parametrize("limit", [0.7, 3.3, 40.0])
def test_the_highest_rate_is_found(limit: float, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(live_network, "_trial", lambda flood, receive, mev, seconds: mev if mev <= limit else 0.0)
    bench = Bench([], False, 0, 1.0, False, False)
    found = live_network._highest(bench, tmp_path, lambda port: 0, 4.0)
    assert limit / 1.25 < found <= limit
