"""Place recognition as a picture: the similarity matrix, precision over recall, and the matches over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.errors import missing_extra
from eventflow.score.places import precision_recall, widened

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from eventflow.score.places import PlaceScore

_MOST_ROWS = 6


def draw(results: Sequence[tuple[str, PlaceScore, NDArray[Any]]], truth: NDArray[np.bool_], path: Path) -> None:
    """Write a row of three panels for each result (name, score, similarity) to `path`, the last results if too many.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise missing_extra("matplotlib", "plot", "plots of place recognition") from None
    shown = list(results)[-_MOST_ROWS:]
    figure = Figure(figsize=(14, 4 * len(shown)), layout="constrained")
    for row, (name, score, similarity) in zip(figure.subplots(len(shown), 3, squeeze=False), shown, strict=True):
        right = widened(truth, score.tolerance, window=score.window)  # type: ignore[arg-type]
        what = f"{name}, L {score.length}"
        row[0].imshow(_evened(similarity), aspect="auto", interpolation="nearest", cmap="viridis")
        row[0].set(title=f"similarity: {what}", xlabel="query", ylabel="place")
        precision, recall = precision_recall(np.asarray(similarity, np.float64), right)
        row[1].plot(recall, precision)
        row[1].set(title=f"AUC {score.auc:.3f}, tolerance {score.tolerance}", xlabel="recall", ylabel="precision")
        row[1].set(xlim=(0, 1.02), ylim=(0, 1.02))
        _matches(row[2], similarity, truth, right)
        row[2].set(title=f"matches: R@1 {score.recall[1]:.3f}", xlabel="query", ylabel="place")
    figure.savefig(path, dpi=70)


def _matches(panel: Any, similarity: NDArray[Any], truth: NDArray[np.bool_], right: NDArray[np.bool_]) -> None:
    best, queries = similarity.argmax(axis=0), np.arange(similarity.shape[1])
    hit = right[best, queries]
    place, query = np.nonzero(truth)
    panel.plot(query, place, ".", color="0.8", markersize=6, label="truth")
    panel.plot(queries[hit], best[hit], ".", color="tab:green", markersize=3, label="right")
    panel.plot(queries[~hit], best[~hit], "x", color="tab:red", markersize=4, label="wrong")
    panel.invert_yaxis()
    panel.legend(fontsize=7)


def _evened(similarity: NDArray[Any]) -> NDArray[np.float64]:
    """Return each query's similarities in standard deviations, so that a faint column is seen beside a strong one."""
    values = np.asarray(similarity, np.float64)
    return np.asarray((values - values.mean(axis=0)) / np.maximum(values.std(axis=0), 1e-12), np.float64)
