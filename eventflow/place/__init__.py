"""Place recognition: descriptors of windows, maps of places, matchers, sequences. Imported on first use.

A descriptor is a float32 vector that says what one window of events looks like (`describe`, `DescriptorSettings`). A
`PlaceMap` holds the descriptors of a route that was driven. A `Matcher` gives the similarity of a descriptor to every
place; `sequence` joins what it says over time; `Recogniser` does all of it, one window after the other.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOME = {
    "CorrelationMatcher": "eventflow.place.correlation",
    "DescriptorSettings": "eventflow.place.descriptors",
    "EnsembleMatcher": "eventflow.place.ensemble",
    "L1Matcher": "eventflow.place.matchers",
    "LensNetwork": "eventflow.place.lens",
    "Matcher": "eventflow.place.matchers",
    "PlaceMap": "eventflow.place.place_map",
    "PopulationMatcher": "eventflow.place.population",
    "Recogniser": "eventflow.place.recogniser",
    "TempoMatcher": "eventflow.place.tempo",
    "describe": "eventflow.place.descriptors",
    "load_map": "eventflow.place.map_file",
    "save_map": "eventflow.place.map_file",
    "standard_assignment": "eventflow.place.assignment",
    "weighted_assignment": "eventflow.place.assignment",
}

__all__ = sorted(_HOME)

if TYPE_CHECKING:
    from eventflow.place.assignment import standard_assignment as standard_assignment
    from eventflow.place.assignment import weighted_assignment as weighted_assignment
    from eventflow.place.correlation import CorrelationMatcher as CorrelationMatcher
    from eventflow.place.descriptors import DescriptorSettings as DescriptorSettings
    from eventflow.place.descriptors import describe as describe
    from eventflow.place.ensemble import EnsembleMatcher as EnsembleMatcher
    from eventflow.place.lens import LensNetwork as LensNetwork
    from eventflow.place.map_file import load_map as load_map
    from eventflow.place.map_file import save_map as save_map
    from eventflow.place.matchers import L1Matcher as L1Matcher
    from eventflow.place.matchers import Matcher as Matcher
    from eventflow.place.place_map import PlaceMap as PlaceMap
    from eventflow.place.population import PopulationMatcher as PopulationMatcher
    from eventflow.place.recogniser import Recogniser as Recogniser
    from eventflow.place.tempo import TempoMatcher as TempoMatcher


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'eventflow.place' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
