"""Scores of place recognition against plain loops, and on the sample drives."""

from __future__ import annotations

import json

import numpy as np
import pytest

from eventflow.cli import main
from eventflow.errors import ParameterError
from eventflow.messages import Place
from eventflow.score.place_answers import AnswerScore, calibration_error
from eventflow.score.places import (
    precision_recall,
    score_places,
    truth_from_indices,
    truth_from_matrix,
    truth_from_poses,
    widened,
    wilson,
)


def random_case(seed):
    rng = np.random.default_rng(seed)
    truth = truth_from_indices(rng.integers(-1, 12, 30), places=12)
    return rng.integers(0, 6, (12, 30)) + 2.0 * truth, truth


@pytest.mark.parametrize("tolerance", [0, 1, 3, 50])
@pytest.mark.parametrize("window", ["places", "square"])
def test_the_truth_is_widened_as_a_plain_loop_does(tolerance, window):
    truth = random_case(1)[1]
    across = tolerance if window == "square" else 0
    expected = np.zeros_like(truth)
    for place, query in np.argwhere(truth):
        left, top = max(query - across, 0), max(place - tolerance, 0)
        expected[top : place + tolerance + 1, left : query + across + 1] = True
    assert np.array_equal(widened(truth, tolerance, window=window), expected)


@pytest.mark.parametrize("seed", range(8))
def test_recall_and_precision_are_the_plain_loops(seed):
    scores, truth = random_case(seed)
    found = score_places(scores, truth, tolerance=1, length=1)
    wide = widened(truth, 1)
    shown = [query for query in range(30) if wide[:, query].any()]
    for count in (1, 5, 10):
        hits = 0
        for query in shown:
            best = scores[wide[:, query], query].max()
            hits += sum(1 for place in range(12) if not wide[place, query] and scores[place, query] >= best) < count
        assert found.recall[count] == pytest.approx(hits / len(shown))
    precision, recall = precision_recall(scores, wide)
    for threshold, expected_p, expected_r in zip(sorted({*scores.max(axis=0)})[::-1], precision, recall, strict=True):
        answered = [query for query in range(30) if scores[:, query].max() >= threshold]
        right = sum(wide[scores[:, query].argmax(), query] for query in answered)
        assert right / len(answered) == pytest.approx(expected_p)
        assert right / len(shown) == pytest.approx(expected_r)
    assert found.precision_at_full_recall == pytest.approx(precision[-1])
    assert found.recall_at_full_precision == pytest.approx(max([*recall[precision == 1], 0]))


def test_a_similarity_that_says_nothing_gains_nothing():
    truth = truth_from_indices(np.arange(20), places=20)
    found = score_places(np.zeros((20, 20)), truth, tolerance=0, length=1)
    assert found.recall == {1: 0.0, 5: 0.0, 10: 0.0}
    perfect = score_places(truth.astype(float), truth, tolerance=0, length=1)
    assert (perfect.recall[1], perfect.auc, perfect.recall_at_full_precision) == (1, 1, 1)


def test_query_and_map_may_differ_in_size_and_truth_may_be_poses():
    places = np.stack([np.arange(10.0), np.zeros(10)], axis=1)
    truth = truth_from_poses(places, places[::3] + 0.2, radius_m=1.0)
    expected = [[abs(p - q - 0.2) ** 2 + 0.04 <= 1 for q in range(0, 10, 3)] for p in range(10)]
    assert np.array_equal(truth, expected)
    assert score_places(truth.astype(float), truth, tolerance=0, length=1).queries == 4


def test_truth_of_another_shape_is_refused():
    with pytest.raises(ParameterError, match="fits turned round"):
        truth_from_matrix(np.zeros((4, 3)), places=3, queries=4)
    with pytest.raises(ParameterError, match="query 1 is at 9"):
        truth_from_indices(np.array([0, 9]), places=9)
    with pytest.raises(ParameterError, match="radius_m"):
        truth_from_poses(np.zeros((2, 3)), np.zeros((2, 3)), radius_m=0)
    with pytest.raises(ParameterError, match="no query"):
        score_places(np.zeros((3, 2)), np.zeros((3, 2), bool), tolerance=0, length=1)
    with pytest.raises(ParameterError, match="expected one"):
        score_places(np.zeros((3, 2)), np.zeros((2, 3), bool), tolerance=0, length=1)


def test_the_interval_is_wilsons():
    assert wilson(8, 10) == pytest.approx((0.4901, 0.9433), abs=1e-4)  # Newcombe 1998's formula 3 by hand
    assert wilson(0, 5)[0] == 0
    assert wilson(5, 5)[1] == 1


def test_answers_are_scored_with_jumps_and_detours():
    score = AnswerScore(tolerance=1, ring=100)
    truths = [*range(95, 100), *range(5), *range(50, 56), *[-1] * 4]
    firsts = [*range(95, 100), *range(5), 7, 7, 52, 53, 54, 55, 3, 3, 3, 3]
    for number, (truth, first) in enumerate(zip(truths, firsts, strict=True)):
        sure = number not in (10, 11, 17)
        answer = Place(number * 1_000_000, first if sure else -1, 1.0 if sure else 0.1, np.array([first]))
        score.add(answer, truth)
    found = score.result()
    assert found["recall_at_1"] == 14 / 16
    assert found["precision"] == 14 / 17
    assert found["recovered_s"] == [3.0]
    positive, negative = [1.0] * 14 + [0.1] * 2, [1.0, 0.1, 1.0, 1.0]
    pairs = [(p > n) + 0.5 * (p == n) for p in positive for n in negative]
    assert found["auroc"] == pytest.approx(np.mean(pairs))
    assert calibration_error(np.array([0.95, 0.95, 0.05]), np.array([True, False, False])) == pytest.approx(
        (2 * abs(0.95 - 0.5) + abs(0.05 - 0)) / 3
    )


@pytest.mark.samples
def test_the_default_on_the_sample_drives(samples, monkeypatch, capsys):
    monkeypatch.setenv("EVENTFLOW_SAMPLES", str(samples))
    assert main(["score", "place", "--square", "--json"]) == 0
    rows = {
        (row["method"], row["tolerance"], row["length"]): row["recall"]["1"]
        for row in json.loads(capsys.readouterr().out)
    }
    baseline = {key[1:]: round(value, 2) for key, value in rows.items() if key[0] == "L1, 10x10 means"}
    assert [baseline[key] for key in ((3, 1), (3, 10), (1, 1), (1, 10))] == [0.84, 0.88, 0.71, 0.82]
    matched = [rows["correlation (default)", *key] for key in ((3, 1), (3, 10), (1, 1), (1, 10))]
    assert np.all(np.array(matched) >= [0.92, 0.99, 0.86, 0.98])
    recognised = [rows["place_recognise", *key] for key in ((3, 1), (3, 10), (1, 1), (1, 10))]
    assert np.all(np.array(recognised) >= [0.98, 0.99, 0.95, 0.95])


@pytest.mark.samples
def test_bad_requests_are_one_sentence(samples, tmp_path, capsys):
    drives = [str(samples / "place/lens_example/davis128" / name) for name in ("example-reference", "example-query")]
    (tmp_path / "wrong.npy").write_bytes(b"no array")
    np.save(tmp_path / "shape.npy", np.zeros((3, 4)))
    for arguments, words in (
        ([drives[0]], "expected REFERENCE and QUERY"),
        ([*drives, "--truth", str(tmp_path / "wrong.npy")], "NumPy array"),
        ([*drives, "--truth", str(tmp_path / "shape.npy")], "expected (100, 100)"),
        ([*drives, "--methods", "magic"], "no method begins with"),
        ([*drives, "--lengths", "0"], "--lengths"),
        ([str(tmp_path), drives[1]], "no image"),
    ):
        assert main(["score", "place", *arguments]) != 0
        assert words in capsys.readouterr().err
