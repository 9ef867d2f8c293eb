"""Curves of denoisers as a picture, one panel a case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventflow.errors import missing_extra

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from eventflow.score.denoise import Result

_COLUMNS = 3
_POINTS = 400


def draw(results: Sequence[Result], path: Path) -> None:
    """Write the curves of all results to `path`, whose suffix chooses the format.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise missing_extra("matplotlib", "plot", "ROC plots") from None
    cases = list(dict.fromkeys(result.case for result in results))
    columns = min(_COLUMNS, len(cases))
    rows = -(-len(cases) // columns)
    figure = Figure(figsize=(5 * columns, 4.5 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False)
    for panel in panels.flat[len(cases) :]:
        panel.set_visible(False)
    for case, panel in zip(cases, panels.flat, strict=False):
        for result in (each for each in results if each.case == case):
            step = max(len(result.roc.true_positive) // _POINTS, 1)
            label = f"{result.denoiser} ({result.roc.auc:.3f})"
            x, y = ([*axis[::step], axis[-1]] for axis in (result.roc.false_positive, result.roc.true_positive))
            panel.plot(x, y, label=label, linewidth=1)
        panel.set(title=case, xlabel="noise kept", ylabel="signal kept", xlim=(0, 1), ylim=(0, 1))
        panel.legend(fontsize=6, loc="lower right")
    figure.savefig(path)
