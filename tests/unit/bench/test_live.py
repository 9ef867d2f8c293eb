"""What the live benchmark says of a run is what the run did."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from eventflow.bench import scenes
from eventflow.bench.course import Course
from eventflow.bench.live import latency_row, path_graph, path_place
from eventflow.bench.model import Limit
from eventflow.bench.plugin import run_apart
from eventflow.synth.simulation import Simulation


def _summary(wall_s: float, steps: list[tuple[float, int]]) -> dict[str, Any]:
    return {"wall_s": wall_s, "latency_steps_us": steps, "events": 0, "plan": {"workers": []}}


def test_a_course_tells_the_seconds_apart() -> None:
    course = Course()
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
