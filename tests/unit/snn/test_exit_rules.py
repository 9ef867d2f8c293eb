"""Anytime cutoff and dynamic confidence: against loops written from the definitions, and their guarantees."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from eventflow.errors import ParameterError
from eventflow.snn.exit_calibration import calibrated_confidence, calibrated_cutoff, confidence_front
from eventflow.snn.exit_rules import ConfidenceExit, GapCutoff, confidences, exits, gaps, read_rule, write_rule


def votes(seed, *, samples=300, steps=12, classes=5, skill=0.35):
    """Outputs of a network that is right more often the longer it runs, and the classes."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, samples)
    rates = np.full((samples, classes), 0.3)
    rates[np.arange(samples), truth] += skill * rng.uniform(-0.2, 2.0, samples)
    return rng.poisson(rates[:, None], (samples, steps, classes)).astype(np.float32), truth


def test_gap_and_confidence_are_their_formulas():
    totals = np.array([[3.0, 9.0, 4.0], [5.0, 5.0, 1.0]])
    assert gaps(totals).tolist() == [5.0, 0.0]
    weights = np.exp(totals / 2)
    np.testing.assert_allclose(confidences(totals, 2.0), weights.max(axis=1) / weights.sum(axis=1))
    assert confidences(np.array([1e6, 0.0]), 1.0) == 1.0
    assert gaps(np.array([[4.0]])) == 0


def test_a_rule_stops_at_the_first_step_that_reaches_it():
    outputs = np.array([[[1, 0], [1, 0], [1, 0]], [[0, 1], [1, 0], [1, 0]], [[0, 0], [0, 0], [0, 0]]], np.float32)
    found = exits(GapCutoff((5.0, 1.0, 0.5)), outputs)
    assert found.steps.tolist() == [2, 3, 3]
    assert found.labels.tolist() == [0, 0, 0]
    assert exits(None, outputs).steps.tolist() == [3, 3, 3]


@pytest.mark.parametrize(
    "rule", [GapCutoff((4.0, 2.0, 1.0)), ConfidenceExit(0.4, 3.0), ConfidenceExit(0.3, 3.0, first=4)]
)
def test_live_is_the_whole_run_step_by_step(rule):
    outputs, _ = votes(0, samples=40)
    found = exits(rule, outputs)
    for sample, stop, label in zip(outputs, found.steps, found.labels, strict=True):
        total = np.zeros(sample.shape[1])
        for step, each in enumerate(sample, 1):
            total += each
            if rule.reached(total, np.int64(step)):
                break
        assert (step, total.argmax()) == (stop, label)


@pytest.mark.parametrize("tolerance", [0.0, 0.05, 0.1, 1.0])
def test_published_cutoff_is_the_smallest_gap_of_its_definition(tolerance):
    outputs, truth = votes(1, samples=60, steps=6)
    rule = calibrated_cutoff(outputs, truth, tolerance=tolerance, counted="all", bins=20)
    totals = outputs.astype(float).cumsum(axis=1)
    largest = max(np.sort(row)[-1] - np.sort(row)[-2] for sample in totals for row in sample)
    for step, found in enumerate(rule.thresholds):
        expected = np.inf
        for number in range(20):
            beta = number * largest / 20
            above = [s for s in range(60) if np.sort(totals[s, step])[-1] - np.sort(totals[s, step])[-2] > beta]
            good = [s for s in above if all(totals[s, later].argmax() == truth[s] for later in range(step, 6))]
            if above and len(good) >= (1 - tolerance) * len(above) - 1e-9:
                expected = beta
                break
        assert found == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("tolerance", [0.0, 0.02, 0.1])
def test_cutoff_loses_at_most_its_tolerance_on_the_validation_set(seed, tolerance):
    outputs, truth = votes(seed)
    found = exits(calibrated_cutoff(outputs, truth, tolerance=tolerance), outputs)
    assert found.accuracy(truth) >= exits(None, outputs).accuracy(truth) - tolerance - 1e-12
    equal = exits(calibrated_cutoff(outputs, tolerance=tolerance), outputs)
    assert equal.accuracy(exits(None, outputs).labels) >= 1 - tolerance - 1e-12


def test_more_tolerance_needs_fewer_steps():
    outputs, truth = votes(3)
    means = [exits(calibrated_cutoff(outputs, truth, tolerance=t), outputs).steps.mean() for t in (0.0, 0.05, 0.2, 1.0)]
    assert means == sorted(means, reverse=True)
    assert means[0] > means[-1]


def test_confidence_is_monotone_and_above_one_is_the_whole_run():
    outputs, _ = votes(4)
    steps = np.array([exits(ConfidenceExit(th, 3.0), outputs).steps for th in (0.2, 0.4, 0.6, 0.8, 1.01)])
    assert (np.diff(steps, axis=0) >= 0).all()
    assert (steps[-1] == outputs.shape[1]).all()
    assert steps[0].mean() < steps[-1].mean()


def test_front_has_no_beaten_row_and_calibration_keeps_the_accuracy():
    outputs, truth = votes(5)
    front = confidence_front(outputs, truth, temperature=3.0)
    assert all(a[1] < b[1] and a[2] < b[2] for a, b in pairwise(front))
    rule = calibrated_confidence(outputs, truth, tolerance=0.01, temperature=3.0)
    found = exits(rule, outputs)
    assert found.accuracy(truth) >= exits(None, outputs).accuracy(truth) - 0.01 - 1e-12
    assert found.steps.mean() < outputs.shape[1]


@pytest.mark.parametrize("rule", [GapCutoff((3.5, float("inf"), 0.0)), ConfidenceExit(0.7, 12.0, first=3)])
def test_rules_survive_a_file(rule, tmp_path):
    write_rule(rule, tmp_path / "rule.json", step_us=1000, model="abc")
    assert read_rule(tmp_path / "rule.json", step_us=1000, model="abc") == rule
    assert read_rule(tmp_path / "rule.json", step_us=1000) == rule
    with pytest.raises(ParameterError, match=r"steps of 1000 µs, used with steps of 500"):
        read_rule(tmp_path / "rule.json", step_us=500)
    with pytest.raises(ParameterError, match=r"network abc, used with def"):
        read_rule(tmp_path / "rule.json", step_us=1000, model="def")


@pytest.mark.parametrize(
    "text", ["", "[]", "3", '{"rule": "best"}', '{"rule": "gap", "step_us": 1, "model": "", "x": 1}']
)
def test_a_file_that_is_no_rule_is_refused(text, tmp_path):
    (tmp_path / "rule.json").write_text(text)
    with pytest.raises(ParameterError, match=r"rule\.json: no exit rule"):
        read_rule(tmp_path / "rule.json", step_us=1)
    with pytest.raises(ParameterError, match="cannot be read"):
        read_rule(tmp_path / "absent.json", step_us=1)


def test_wrong_shapes_are_refused():
    with pytest.raises(ParameterError, match="expected \\(samples, steps, classes\\)"):
        exits(None, np.zeros((3, 0, 2)))
    with pytest.raises(ParameterError, match="expected one each"):
        calibrated_cutoff(np.ones((3, 2, 2)), np.zeros(2), tolerance=0.1)
    with pytest.raises(ParameterError, match="tolerance is 2"):
        calibrated_cutoff(np.ones((3, 2, 2)), tolerance=2)
