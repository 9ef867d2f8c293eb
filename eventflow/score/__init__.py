"""Scores: how good a result is against a known truth, as functions that work in a notebook. Imported on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOME = {
    "Denoiser": "eventflow.score.denoise",
    "Roc": "eventflow.score.roc",
    "TrackScore": "eventflow.score.tracks",
    "assigned": "eventflow.score.assignment",
    "labelled_cases": "eventflow.score.denoise",
    "mesr": "eventflow.score.mesr",
    "roc": "eventflow.score.roc",
    "score_denoisers": "eventflow.score.denoise",
    "score_tracks": "eventflow.score.tracks",
    "tracks_between": "eventflow.score.tracks",
}

__all__ = [
    "Denoiser",
    "Roc",
    "TrackScore",
    "assigned",
    "labelled_cases",
    "mesr",
    "roc",
    "score_denoisers",
    "score_tracks",
    "tracks_between",
]

if TYPE_CHECKING:
    from eventflow.score.assignment import assigned as assigned
    from eventflow.score.denoise import Denoiser as Denoiser
    from eventflow.score.denoise import labelled_cases as labelled_cases
    from eventflow.score.denoise import score_denoisers as score_denoisers
    from eventflow.score.mesr import mesr as mesr
    from eventflow.score.roc import Roc as Roc
    from eventflow.score.roc import roc as roc
    from eventflow.score.tracks import TrackScore as TrackScore
    from eventflow.score.tracks import score_tracks as score_tracks
    from eventflow.score.tracks import tracks_between as tracks_between


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'eventflow.score' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
