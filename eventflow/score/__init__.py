"""Scores: how good a result is against a known truth, as functions that work in a notebook. Imported on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOME = {
    "TrackScore": "eventflow.score.tracks",
    "assigned": "eventflow.score.assignment",
    "score_tracks": "eventflow.score.tracks",
    "tracks_between": "eventflow.score.tracks",
}

__all__ = ["TrackScore", "assigned", "score_tracks", "tracks_between"]

if TYPE_CHECKING:
    from eventflow.score.assignment import assigned as assigned
    from eventflow.score.tracks import TrackScore as TrackScore
    from eventflow.score.tracks import score_tracks as score_tracks
    from eventflow.score.tracks import tracks_between as tracks_between


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'eventflow.score' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
