"""Thresholds of exit rules from a validation set: how little a network can be stepped at a given loss of accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from eventflow.errors import ParameterError
from eventflow.snn.exit_rules import ConfidenceExit, GapCutoff, confidences, exits, gaps, totals_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BINS = 100


def calibrated_cutoff(
    outputs: NDArray[Any],
    truth: NDArray[Any] | None = None,
    *,
    tolerance: float,
    counted: Literal["all", "running"] = "running",
    bins: int = _BINS,
) -> GapCutoff:
    """Return the smallest gap after each step above which the leading class stays right with the wanted probability.

    A recording is right after a step if from there on its leading class is the truth. Per step the smallest of `bins`
    gaps is taken for which at least 1 - tolerance of the recordings above it are right; where none is, the rule does
    not stop.

    Args:
        outputs: of the validation set, shape (samples, steps, classes).
        truth: the classes; None: those of the whole run, which needs no labels and asks for equal answers.
        tolerance: the share that may be wrong, 0 to 1.
        counted: `all` recordings at every step, which is the published rule; or the `running` ones, those not stopped
            before, with the errors made so far: then the accuracy on the validation set is lower than that of the
            whole run by at most the tolerance. With `all`, errors of several steps can add up to more.
        bins: how many gaps are tried, equally spaced from 0 to the largest.

    Raises:
        ParameterError: shapes that do not fit, or a tolerance outside 0 to 1.
    """
    if not 0 <= tolerance <= 1:
        raise ParameterError(f"tolerance is {tolerance}; expected a share from 0 to 1")
    totals = totals_of(outputs)
    steps = totals.shape[1]
    right = _right_from(totals, _checked(truth, totals))
    gap = gaps(totals)
    candidates = np.linspace(0, max(float(gap.max()), 1e-9), bins, endpoint=False)
    running = np.ones(len(totals), bool)
    stopped, wrong = 0, 0
    thresholds = np.full(steps, np.inf)
    for step in range(steps):
        pool = running if counted == "running" else np.ones_like(running)
        above = (gap[:, step, None] > candidates) & pool[:, None]
        taken, bad = above.sum(axis=0), (above & ~right[:, step, None]).sum(axis=0)
        fine = (taken > 0) & (wrong + bad <= tolerance * (stopped + taken) * (1 + 1e-12))
        if not fine.any():
            continue
        chosen = int(fine.argmax())
        thresholds[step] = candidates[chosen]
        if counted == "running":
            stopped, wrong = stopped + int(taken[chosen]), wrong + int(bad[chosen])
            running &= ~above[:, chosen]
    return GapCutoff(tuple(thresholds.tolist()))


def confidence_front(
    outputs: NDArray[Any], truth: NDArray[Any] | None = None, *, temperature: float = 30.0, points: int = 100
) -> list[tuple[float, float, float]]:
    """Return (threshold, mean steps, accuracy) of the thresholds that no other beats in both, fewest steps first.

    Args:
        outputs: of the validation set, shape (samples, steps, classes).
        truth: the classes; None: those of the whole run.
        temperature: what totals are divided by before the softmax.
        points: how many thresholds are tried: the quantiles of the confidences that occur, and one above 1.
    """
    totals = totals_of(outputs)
    wanted = _checked(truth, totals)
    certain, leading = confidences(totals, temperature), totals.argmax(axis=-1)
    rows, last = np.arange(len(totals)), totals.shape[1] - 1
    found = []
    for threshold in np.append(np.unique(np.quantile(certain, np.linspace(0, 1, points))), 1.1):
        above = certain > threshold
        stop = np.where(above.any(axis=1), above.argmax(axis=1), last)
        right = leading[rows, stop] == wanted
        found.append((float(threshold), float(stop.mean()) + 1, float(right.mean())))
    front: list[tuple[float, float, float]] = []
    for each in sorted(found, key=lambda row: (row[1], -row[2])):
        if not front or each[2] > front[-1][2]:
            front.append(each)
    return front


def calibrated_confidence(
    outputs: NDArray[Any], truth: NDArray[Any] | None = None, *, tolerance: float, temperature: float = 30.0
) -> ConfidenceExit:
    """Return the rule of fewest steps on the front whose accuracy is within the tolerance of the whole run's.

    Args:
        outputs: of the validation set, shape (samples, steps, classes).
        truth: the classes; None: those of the whole run.
        tolerance: the accuracy that may be lost, 0 to 1.
        temperature: what totals are divided by before the softmax.
    """
    whole = exits(None, outputs).accuracy(_checked(truth, totals_of(outputs)))
    for threshold, _, accuracy in confidence_front(outputs, truth, temperature=temperature):
        if accuracy >= whole - tolerance - 1e-12:
            return ConfidenceExit(threshold, temperature)
    return ConfidenceExit(1.1, temperature)


def _right_from(totals: NDArray[np.float64], truth: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether the leading class is the truth after a step and every later one, shape (samples, steps)."""
    right = totals.argmax(axis=-1) == truth[:, None]
    return np.asarray(np.logical_and.accumulate(right[:, ::-1], axis=1)[:, ::-1])


def _checked(truth: NDArray[Any] | None, totals: NDArray[np.float64]) -> NDArray[Any]:
    wanted = totals[:, -1].argmax(axis=-1) if truth is None else np.asarray(truth)
    if wanted.shape != totals.shape[:1]:
        raise ParameterError(f"{len(totals)} recordings with labels of shape {wanted.shape}; expected one each")
    return wanted
