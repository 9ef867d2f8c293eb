"""ROC, MESR and the grid of denoisers are what their texts say."""

from __future__ import annotations

import json

import numpy as np
import pytest

from eventflow.cli.command import run_command
from eventflow.errors import EventflowError, ParameterError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.graph.node import Node
from eventflow.graph.recuts import outputs_by_packet_size
from eventflow.score.denoise import labelled_cases, score_denoisers, summary
from eventflow.score.denoisers import chosen, searched, usual
from eventflow.score.mesr import mesr, thinned
from eventflow.score.roc import roc


def test_the_area_is_the_chance_that_signal_scores_above_noise():
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 9, 200).astype(np.float32)
    scores[:10] = np.inf
    labels = rng.integers(0, 3, 200).astype(np.uint8)
    signal, noise = scores[labels == 1], scores[labels == 2]
    above = (signal[:, None] > noise).mean() + (signal[:, None] == noise).mean() / 2
    found = roc(scores, labels)
    assert found.auc == pytest.approx(above)
    assert (found.true_positive[-1], found.false_positive[-1]) == (1.0, 1.0)
    kept = scores >= found.threshold[3]
    assert found.true_positive[3] == pytest.approx(kept[labels == 1].mean())
    assert found.false_positive[3] == pytest.approx(kept[labels == 2].mean())


def test_a_roc_needs_both_kinds_and_numbers():
    with pytest.raises(EventflowError, match="signal and noise"):
        roc(np.zeros(3), np.ones(3, np.uint8))
    with pytest.raises(EventflowError, match="score 1 is not a number"):
        roc(np.array([0.0, np.nan]), np.array([1, 2], np.uint8))


def test_mesr_is_its_equation_and_blind_to_where_pixels_are():
    rng = np.random.default_rng(1)
    records = np.zeros(250, EVENT_DTYPE)
    records["x"], records["y"] = rng.integers(0, 6, 250), rng.integers(0, 5, 250)
    counts = np.zeros(30)
    for _, x, y, _ in records[:100].tolist():
        counts[y * 6 + x] += 1
    expected = np.sqrt((counts * (counts - 1)).sum() / (100 * 99) * (30 - ((1 - 66 / 100) ** counts).sum()))
    stream = Events(records, 6, 5)
    assert mesr(stream[:150], slice_events=100) == pytest.approx(expected)
    shuffled = records.copy()
    shuffled["x"] = 5 - records["x"]
    assert mesr(Events(shuffled, 6, 5), slice_events=100) == pytest.approx(mesr(stream, slice_events=100))
    assert mesr(stream, slice_events=251) is None
    assert len(thinned(stream, 40)) == 40


def test_every_denoiser_beats_chance_and_the_summary_names_the_best():
    cases = list(labelled_cases(["synth:crossing"], [5.0]))
    results = list(score_denoisers(cases, chosen(["adaptive", "background", "STCF, k 2", "age-pol"], usual())))
    assert min(result.roc.auc for result in results) > 0.85
    found = summary(results)
    best = max(results, key=lambda result: result.roc.auc)
    assert found["best"]["synth:crossing, 5 Hz"] == {"denoiser": best.denoiser, "auc": best.roc.auc}
    assert found["largest_loss"][best.denoiser] == 0.0
    with pytest.raises(ParameterError, match="no denoiser is named 'baf'"):
        chosen(["baf"], usual())
    assert len({each.name for each in searched()}) == 2 + 16 + 28 + 2


def test_the_command_prints_json_and_draws(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    command = ["score", "denoise", "synth:moving", "--rates", "5", "--denoisers", "adaptive;OrderN", "--mesr"]
    assert run_command([*command, "--json", "--plot", str(tmp_path / "roc.png")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["denoiser"] for row in found["results"]] == ["adaptive", "OrderN"]
    assert found["results"][0]["mesr"]["events"] > 0
    assert (tmp_path / "roc.png").stat().st_size > 1000
    assert run_command(command) == 0
    assert "mean over all cases" in capsys.readouterr().out


def test_wrong_rates_are_a_wrong_command_line(capsys):
    assert run_command(["score", "denoise", "synth:moving", "--rates", "five"]) == 2
    assert "list of numbers" in capsys.readouterr().err


@pytest.mark.samples
def test_the_command_that_cuts_recordings_into_packets(samples, capsys):
    command = ["score", "packets", str(samples / "es/dvs.es"), "--events", "12000"]
    assert run_command([*command, "--filters", "stcf,adaptive,fast_decay", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["filter"] for row in rows] == ["stcf", "adaptive", "fast_decay"]
    for row in rows:
        assert row["same"]
        assert row["kept"].keys() == {"1", "100", "10000", "whole"}
        assert len(set(row["kept"].values())) == 1
        assert 0 < row["kept"]["1"] < 12_000
    assert run_command([*command, "--filters", "order_n"]) == 0
    assert "the same bytes" in capsys.readouterr().out


def test_a_node_that_depends_on_packets_is_found_out():
    class First(Node):
        """Keep the first event of each packet. Unordered ones too."""

        def events(self, events: Events) -> Events:
            return events[:1]

    stream = Events(np.zeros(10, EVENT_DTYPE), 3, 3)
    found = outputs_by_packet_size(First(), stream, [1, 5, 10])
    assert [count for count, _ in found] == [10, 2, 1]
    assert len({digest for _, digest in found}) == 3
