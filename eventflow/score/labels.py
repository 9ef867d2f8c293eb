"""How often labels are right: one truth a sample, the last label before the next truth counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from eventflow.messages import Label


class LabelScore:
    """Compares labels with truths; both come in time order.

    A sample begins with its truth and ends with the next one; its answer is the last label in between. A sample without
    a label counts as wrong.
    """

    def __init__(self) -> None:
        self._truth: list[int] = []
        self._answer: list[int] = []
        self._after_us: list[int] = []
        self._begin = 0

    def truth(self, truth: Label) -> None:
        """Begin a sample."""
        self._truth.append(truth.label)
        self._answer.append(-1)
        self._after_us.append(0)
        self._begin = truth.t

    def label(self, label: Label) -> bool:
        """Take an answer; False where no sample has begun."""
        if not self._truth:
            return False
        self._answer[-1] = label.label
        self._after_us[-1] = label.t - self._begin
        return True

    def result(self) -> dict[str, Any]:
        """Return n, right, accuracy, unanswered, median_after_us (from a sample's begin to its answer), confusion.

        `confusion[truth][answer]` counts answered samples.
        """
        truth, answer = np.array(self._truth, np.int64), np.array(self._answer, np.int64)
        answered = answer >= 0
        right = int((truth == answer).sum())
        after = np.array(self._after_us)[answered]
        classes = int(max(truth.max(initial=-1), answer.max(initial=-1))) + 1
        confusion = np.zeros((classes, classes), np.int64)
        np.add.at(confusion, (truth[answered], answer[answered]), 1)
        return {
            "n": len(truth),
            "right": right,
            "accuracy": right / len(truth) if len(truth) else None,
            "unanswered": int((~answered).sum()),
            "median_after_us": float(np.median(after)) if len(after) else None,
            "confusion": confusion.tolist(),
        }

    def state(self) -> dict[str, Any]:
        """Return everything that the result depends on."""
        return {"truth": [*self._truth], "answer": [*self._answer], "after": [*self._after_us], "begin": self._begin}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state` returned."""
        self._truth, self._answer, self._after_us = [*state["truth"]], [*state["answer"]], [*state["after"]]
        self._begin = state["begin"]
