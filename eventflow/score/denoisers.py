"""Every denoiser with its usual settings, and the grid of settings that a user would have to search."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.errors import ParameterError
from eventflow.kernels import blocks, crossings, denoise, mlp, pixel_filters, support
from eventflow.score.denoise import ADAPTIVE, ADAPTIVE_LEFT_OUT, Denoiser
from eventflow.units import ms

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventflow.events import Events


LEFT_OUT: Final = Path(__file__).with_name("adaptive_left_out.npz")
"""Networks of `adaptive`, each trained without one recording of the grid; written by `tools/train_adaptive.py`."""


def usual(weights: Path | None = None) -> list[Denoiser]:
    """Return one of each kind, with the settings their nodes have; MLPF where `weights` are given."""
    found = [
        *_adaptive(),
        _kth_age(1, 1, polarity=False, name="background activity"),
        _kth_age(2, 1, polarity=True, name="STCF, k 2"),
        _kth_age(2, 2, polarity=True, name="STCF, k 2, radius 2"),
        _kth_age(2, 1, polarity=True, own=True, name="YNoise"),
        _age_polarity(10, 2),
        _age_polarity(100, 3),
        _multi_event(10),
        _time_surface(20),
        _event_flow(),
        _knoise(polarity=True),
        _knoise(polarity=False),
        _fast_decay(),
        _double_window(36, 1),
        _double_window(256, 2),
        _own_interval(),
    ]
    return found if weights is None else [*found, _mlpf(weights)]


def searched(weights: Path | None = None) -> list[Denoiser]:
    """Return every setting that `adaptive` is to match without being told: k, radius, polarity, window, and MLPF."""
    found = _adaptive()
    found += [_kth_age(k, r, polarity=p) for k in (1, 2, 3, 4) for r in (1, 2) for p in (False, True)]
    found += [_age_polarity(window, r) for window in (2, 5, 10, 25, 50, 100, 200) for r in (1, 2, 3, 4)]
    found += [_double_window(36, 1), _double_window(256, 2)]
    return found if weights is None else [*found, _mlpf(weights)]


def chosen(names: list[str], among: list[Denoiser]) -> list[Denoiser]:
    """Return the denoisers whose names begin with one of `names`; all if none is given.

    Raises:
        ParameterError: a name fits none.
    """
    for name in names:
        if not any(each.name.startswith(name) for each in among):
            raise ParameterError(f"no denoiser is named {name!r}; there are {'; '.join(each.name for each in among)}")
    return [each for each in among if not names or any(each.name.startswith(name) for name in names)]


def _marked(name: str, run: Callable[[Events], Events], *, rising: bool, keep_from: float | None = None) -> Denoiser:
    def scores(events: Events) -> Any:
        found = run(events).scores
        assert found is not None
        return found if rising else -found

    return Denoiser(name, scores, keep_from)


def _adaptive() -> list[Denoiser]:
    """Return the denoiser as it comes, and for each recording it was trained on one that was trained without it."""
    from eventflow.kernels import adaptive

    def judge(name: str, network: adaptive.Network | None, case: str = "") -> Denoiser:
        def run(events: Events) -> Events:
            state = adaptive.memory(events.width, events.height)
            return adaptive.adaptive(events, state, network=network, mark=True)

        return replace(_marked(name, run, rising=True), case=case)

    with np.load(LEFT_OUT, allow_pickle=False) as found:
        cases = [key.removesuffix("_w1") for key in found if key.endswith("_w1")]
        parts = {case: [found[f"{case}_{part}"] for part in ("w1", "b1", "w2", "b2")] for case in cases}
    left_out = {case: adaptive.Network(w1, b1, w2, np.float32(b2)) for case, (w1, b1, w2, b2) in parts.items()}
    return [judge(ADAPTIVE, None), *(judge(ADAPTIVE_LEFT_OUT, network, case) for case, network in left_out.items())]


def _kth_age(k: int, radius: int, *, polarity: bool, own: bool = False, name: str = "") -> Denoiser:
    def run(events: Events) -> Events:
        state = denoise.surface(events.width, events.height, radius=radius)
        return denoise.stcf(events, state, ms(5), k=k, radius=radius, polarity=polarity, own=own, mark=True)

    text = name or f"age of neighbour {k}, radius {radius}{', polarity' if polarity else ''}"
    return _marked(text, run, rising=False, keep_from=-ms(5))


def _age_polarity(window_ms: int, radius: int) -> Denoiser:
    def run(events: Events) -> Events:
        state = denoise.surface(events.width, events.height, radius=radius)
        return support.age_polarity(events, state, ms(window_ms), radius=radius, mark=True)

    return _marked(f"age-polarity {window_ms} ms, radius {radius}", run, rising=True, keep_from=1.0)


def _multi_event(window_ms: int) -> Denoiser:
    def run(events: Events) -> Events:
        memory = support.history(events.width, events.height, 1)
        return support.multi_event_age_polarity(events, memory, ms(window_ms), mark=True)

    return _marked(f"multi-event age-polarity {window_ms} ms", run, rising=True)


def _time_surface(tau_ms: int) -> Denoiser:
    def run(events: Events) -> Events:
        state = denoise.surface(events.width, events.height)
        return support.time_surface_score(events, state, ms(tau_ms), mark=True)

    return _marked(f"time surface {tau_ms} ms", run, rising=True)


def _event_flow() -> Denoiser:
    def run(events: Events) -> Events:
        state = denoise.surface(events.width, events.height)
        return support.plane_fit(events, state, ms(10), mark=True)

    return _marked("event flow 10 ms", run, rising=False)


def _knoise(*, polarity: bool) -> Denoiser:
    def run(events: Events) -> Events:
        memory = crossings.crossing_memory(events.width, events.height)
        return crossings.crossings(events, memory, ms(5), polarity=polarity, mark=True)

    return _marked("KNoise" if polarity else "OrderN", run, rising=False)


def _fast_decay() -> Denoiser:
    def run(events: Events) -> Events:
        return blocks.fast_decay(events, blocks.decay_memory(events.width, events.height), ms(10), mark=True)

    return _marked("fast decay 10 ms", run, rising=True)


def _double_window(size: int, k: int) -> Denoiser:
    def run(events: Events) -> Events:
        return blocks.double_window(events, blocks.window_memory(size), k=k, mark=True)

    return _marked(f"double window {size}, k {k}", run, rising=False)


def _own_interval() -> Denoiser:
    def run(events: Events) -> Events:
        state = denoise.surface(events.width, events.height, radius=0)
        return pixel_filters.band(events, state, None, None, mark=True)

    return _marked("interval of the pixel", run, rising=False)


def _mlpf(weights: Path) -> Denoiser:
    network = mlp.read_mlp(weights)

    def run(events: Events) -> Events:
        state = denoise.surface(events.width, events.height, radius=mlp.RADIUS)
        return mlp.mlpf(events, state, network, ms(100), mark=True)

    return _marked("MLPF", run, rising=True)


def finite(scores: Any) -> Any:
    """Return scores of which none is infinite, for a plot."""
    return np.nan_to_num(scores)
