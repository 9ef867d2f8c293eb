"""How often a classifier is right."""

from __future__ import annotations

from eventflow.graph.node import Node
from eventflow.messages import Label, StreamInfo
from eventflow.score.labels import LabelScore


class LabelAccuracy(Node):
    """Report how often labels are right: n, right, accuracy, unanswered, median_after_us, confusion.

    A sample begins with its truth and ends with the next; the last label in between is its answer.
    """

    def start(self, truth: StreamInfo, label: StreamInfo) -> None:
        """Begin with no sample."""
        self._score = LabelScore()

    def truth(self, truth: Label) -> None:
        """Begin a sample."""
        self._score.truth(truth)

    def label(self, label: Label) -> None:
        """Take an answer."""
        if not self._score.label(label):
            self.skipped["labels before the first truth"] += 1

    def finish(self, t_end: int) -> None:
        """Report."""
        self.results.update(self._score.result())
