"""The receiver operating characteristic of a score, exact: every distinct score is a threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eventflow.errors import EventflowError
from eventflow.events import NOISE, SIGNAL

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Roc:
    """What each threshold keeps, from the strictest to none.

    Attributes:
        false_positive: share of the noise kept, float64, from 0 to 1.
        true_positive: share of the signal kept, likewise.
        threshold: the score at and above which events are kept; inf first.
        auc: the area below, by trapezoids: the probability that a signal event scores above a noise event, where equal
            scores count half.
    """

    false_positive: NDArray[np.float64]
    true_positive: NDArray[np.float64]
    threshold: NDArray[np.float64]
    auc: float

    def at_rejection(self, share: float) -> float:
        """Return the share of signal kept where `share` of the noise is rejected, interpolated."""
        return float(np.interp(1.0 - share, self.false_positive, self.true_positive))


def roc(scores: NDArray[np.floating], labels: NDArray[np.uint8]) -> Roc:
    """Return the curve of scores of which signal has the larger ones.

    Args:
        scores: shape (n,); inf is allowed, NaN is not.
        labels: uint8, shape (n,): 1 signal, 2 noise; events of label 0 are left out.

    Raises:
        EventflowError: signal or noise is missing, or a score is NaN.
    """
    known = (labels == SIGNAL) | (labels == NOISE)
    values, is_signal = np.asarray(scores, np.float64)[known], labels[known] == SIGNAL
    signal, noise = int(is_signal.sum()), int(len(is_signal) - is_signal.sum())
    if not signal or not noise:
        raise EventflowError(f"a ROC needs signal and noise; there are {signal} and {noise} events of them")
    if np.isnan(values).any():
        raise EventflowError(f"score {int(np.argmax(np.isnan(values)))} is not a number")
    order = np.argsort(-values, kind="stable")
    values, is_signal = values[order], is_signal[order]
    last = np.append(np.flatnonzero(values[1:] != values[:-1]), len(values) - 1)
    kept = np.cumsum(is_signal)[last]
    true_positive = np.concatenate([[0.0], kept / signal])
    false_positive = np.concatenate([[0.0], (last + 1 - kept) / noise])
    area = float(np.sum(np.diff(false_positive) * (true_positive[1:] + true_positive[:-1]) / 2))
    return Roc(false_positive, true_positive, np.concatenate([[np.inf], values[last]]), area)
