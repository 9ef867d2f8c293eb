"""Denoisers against each other: one pass each for a whole ROC, on recordings whose noise is known (protocol of DND21).

A *case* is a stream of which each event is labelled signal or noise: a simulated scene without noise of its own, or a
real recording (all of it counts as signal, its own noise too, so that nothing reaches an area of 1), with shot and leak
noise added, rates lognormal over the pixels: Guo & Delbruck 2022, "Low cost and latency event camera background
activity denoising". A *denoiser* gives each event a score of which signal has the larger ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.errors import ParameterError
from eventflow.score.mesr import mesr, thinned
from eventflow.score.roc import Roc, roc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from eventflow.events import Events

ADAPTIVE: Final = "adaptive"
ADAPTIVE_LEFT_OUT: Final = "adaptive, trained without it"
RATES_HZ: Final = (1.0, 5.0, 10.0)
SCENES: Final = {"synth:shapes": 1_000_000, "synth:pan": 400_000}
"""Simulated scenes of the grid, and how long they are, µs."""
RECORDINGS: Final = ("aedat/davis346_demo01.aedat4", "aedat/dvxplorer_imu.aedat4", "es/dvs.es")
"""Sample recordings of the grid."""


@dataclass(frozen=True)
class Denoiser:
    """A filter with its settings.

    Attributes:
        name: as in a table.
        scores: of all events of a stream, float32; signal has the larger ones.
        keep_from: the score from which the filter keeps events by default; None where it has no such threshold.
        case: the recording or scene that it is for; "": for all.
    """

    name: str
    scores: Callable[[Events], NDArray[np.float32]]
    keep_from: float | None = None
    case: str = ""


@dataclass(frozen=True)
class Result:
    """One denoiser on one case."""

    case: str
    denoiser: str
    roc: Roc
    mesr: dict[str, float | int | None] | None = None

    def row(self) -> dict[str, Any]:
        """Return the result as plain values."""
        row: dict[str, Any] = {
            "case": self.case,
            "denoiser": self.denoiser,
            "auc": self.roc.auc,
            "signal_kept_at_90": self.roc.at_rejection(0.9),
            "signal_kept_at_99": self.roc.at_rejection(0.99),
        }
        return row if self.mesr is None else row | {"mesr": self.mesr}


def score_denoisers(
    cases: Iterable[tuple[str, Events]], denoisers: Iterable[Denoiser], *, with_mesr: bool = False
) -> Iterator[Result]:
    """Yield the result of every denoiser on every case, case by case.

    Args:
        cases: name and labelled events.
        denoisers: from `eventflow.score.denoisers`, or your own.
        with_mesr: add the MESR of what is left where as many events are kept as there is signal, and its control.

    Raises:
        ParameterError: a case has no labels.
    """
    chosen = list(denoisers)
    for name, events in cases:
        if events.labels is None:
            raise ParameterError(f"case {name} has no labels; give it noise with a rate, or take a labelled recording")
        for denoiser in chosen:
            if denoiser.case and not name.startswith(f"{denoiser.case}, "):
                continue
            scores = denoiser.scores(events)
            found = roc(scores, events.labels)
            yield Result(name, denoiser.name, found, _mesr_of(events, scores) if with_mesr else None)


def _mesr_of(events: Events, scores: NDArray[np.float32]) -> dict[str, float | int | None]:
    assert events.labels is not None
    count = int(np.count_nonzero(events.labels == 1))
    chosen = np.zeros(len(events), np.bool_)
    chosen[np.argsort(-scores, kind="stable")[:count]] = True
    return {
        "events": count,
        "all": mesr(events),
        "kept": mesr(events[chosen]),
        "thinned_at_random": mesr(thinned(events, count)),
    }


def labelled_cases(
    sources: Iterable[str | Path], rates_hz: Iterable[float], *, leak_hz: float = 0.3, seed: int = 7
) -> Iterator[tuple[str, Events]]:
    """Yield each source with each rate of shot noise added, labelled.

    Args:
        sources: recordings, or `synth:SCENE`.
        rates_hz: shot noise, events/s a pixel on average.
        leak_hz: ON events of leaking pixels, events/s a pixel.
        seed: of the noise.
    """
    from eventflow.synth.injection import with_noise

    rates = list(rates_hz)
    for source in sources:
        clean = _signal_of(str(source))
        for rate in rates:
            yield f"{_short(str(source))}, {rate:g} Hz", with_noise(clean, seed=seed, noise=rate, leak=leak_hz)


def _signal_of(source: str) -> Events:
    if source.startswith("synth:"):
        from eventflow.synth import render

        scene = source.removeprefix("synth:")
        return render(scene, seed=1, duration=SCENES.get(source, 500_000), noise=0.0, leak=0.0)
    from eventflow import io

    return io.read(source, backwards="clamp").sorted()


def _short(source: str) -> str:
    return source if source.startswith("synth:") else source.rsplit("/", 1)[-1].rsplit(".", 1)[0]


def grid_sources(samples: Path | None) -> list[str]:
    """Return the recordings and scenes of the grid; without the folder of samples, the scenes alone."""
    found = [] if samples is None else [samples / name for name in RECORDINGS]
    return [*(str(path) for path in found if path.exists()), *SCENES]


def summary(results: Iterable[Result]) -> dict[str, Any]:
    """Return the mean area of each denoiser over the cases that all have, and the best of each case."""
    areas: dict[str, dict[str, float]] = {}
    for result in results:
        areas.setdefault(result.denoiser, {})[result.case] = result.roc.auc
    best = {
        case: max((areas[name][case], name) for name in areas if case in areas[name])
        for case in dict.fromkeys(case for each in areas.values() for case in each)
    }
    return {
        "mean_auc": {name: float(np.mean(list(each.values()))) for name, each in areas.items()},
        "best": {case: {"denoiser": name, "auc": auc} for case, (auc, name) in best.items()},
        "largest_loss": {name: max(best[case][0] - auc for case, auc in each.items()) for name, each in areas.items()},
        "lead": _lead(areas),
    }


def _lead(areas: dict[str, dict[str, float]]) -> dict[str, dict[str, Any]]:
    """Return for each case the best of all other denoisers, and how far those without settings are above it."""
    others = {name: each for name, each in areas.items() if name not in (ADAPTIVE, ADAPTIVE_LEFT_OUT)}
    found: dict[str, dict[str, Any]] = {}
    for case in dict.fromkeys(case for each in others.values() for case in each):
        auc, name = max((each[case], name) for name, each in others.items() if case in each)
        leads = {key: areas.get(key, {}).get(case) for key in (ADAPTIVE, ADAPTIVE_LEFT_OUT)}
        found[case] = {"best_other": name, "auc": auc}
        found[case] |= {key: value - auc for key, value in leads.items() if value is not None}
    return found
