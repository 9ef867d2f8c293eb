"""Place recognition: queries a second on one core, and how time and memory grow with the map."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import numpy as np

from eventflow.bench.model import Limit, measured
from eventflow.bench.race import one_core
from eventflow.place.correlation import CorrelationMatcher
from eventflow.place.descriptors import DescriptorSettings
from eventflow.place.place_map import PlaceMap
from eventflow.place.recogniser import Recogniser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eventflow.bench.model import Row
    from eventflow.bench.suite import Bench
    from eventflow.place.recogniser import Joining

_SIDE: Final = 7
_PLACES: Final = 10_000
_MANY: Final = 100_000
_QUERIES: Final = 100


def rows(bench: Bench) -> Iterator[Row]:
    """Yield queries a second by sequence and shift, and the growth from 10 000 to 100 000 places."""
    place_map, queries = _drives(_PLACES)
    claims: dict[str, tuple[str, float, Joining, Limit | None]] = {
        "filter": ("belief filter", 0.0, "filter", Limit(2000, "at least")),
        "diagonal": ("sequences of 10", 0.0, "diagonal", Limit(2000, "at least")),
        "shifted": ("belief filter, 25 shifted views", 0.25, "filter", None),
    }
    for name, (what, shift, sequence, target) in claims.items():
        if bench.wants(f"place.{name}"):
            bench.announce(what)
            recogniser = _recogniser(place_map, shift, sequence)
            rates = _rates(recogniser, queries, bench)
            text = f"{_PLACES} places of {_SIDE * _SIDE} values, {what}"
            yield measured(f"place.{name}", text, "queries/s", rates, target)
    if bench.wants("place.growth"):
        bench.announce("growth")
        yield from _growth(bench, _rates(_recogniser(place_map, 0.0, "filter"), queries, bench))
    if bench.wants("place.learn"):
        from eventflow.bench import place_learned

        yield from place_learned.rows(bench)


def _growth(bench: Bench, before: list[float]) -> Iterator[Row]:
    place_map, queries = _drives(_MANY)
    recogniser = _recogniser(place_map, 0.0, "filter")
    after = _rates(recogniser, queries, bench)
    per_place = [(_PLACES * slow) / (_MANY * fast) for slow, fast in [(max(before), max(after))]]
    what = "time a query and place, at 100 000 places relative to 10 000"
    yield measured("place.growth.time", what, "x", per_place, Limit(2.0))
    held = sum(array.nbytes for array in _arrays(recogniser)) / _MANY
    yield measured("place.growth.memory", "memory a place, at 100 000 places", "bytes", [held], Limit(1000))


def _arrays(thing: object, depth: int = 3) -> Iterator[NDArray[np.generic]]:
    """Yield the arrays that an object holds, and those of the objects that it holds."""
    for value in vars(thing).values():
        if isinstance(value, np.ndarray):
            yield value
        elif depth and hasattr(value, "__dict__"):
            yield from _arrays(value, depth - 1)


def _recogniser(place_map: PlaceMap, shift: float, sequence: Joining) -> Recogniser:
    matcher = CorrelationMatcher(_SIDE, _SIDE, shift=shift)
    return Recogniser(place_map, matcher=matcher, sequence=sequence, length=10)


def _rates(recogniser: Recogniser, queries: NDArray[np.float32], bench: Bench) -> list[float]:
    """Return queries a second, several times over."""
    clock = time.process_time if bench.cpu_time else time.perf_counter
    found: list[float] = []
    with one_core():
        until = time.perf_counter() + bench.seconds
        while len(found) < 4 or time.perf_counter() < until:
            begun = clock()
            for number, query in enumerate(queries):
                recogniser.push(query, t=number)
            found.append(len(queries) / max(clock() - begun, 1e-9))
    return found[1:]


def _drives(places: int) -> tuple[PlaceMap, NDArray[np.float32]]:
    """Return the map of a street whose neighbouring places look alike, and a second drive along its beginning."""
    rng = np.random.default_rng(1)
    fresh = rng.gamma(2.0, 4.0, (places + 2, _SIDE * _SIDE)).astype(np.float32)
    look = np.asarray((fresh[:-2] + 2 * fresh[1:-1] + fresh[2:]) / 4, np.float32)
    settings = DescriptorSettings(width=10 * _SIDE, height=10 * _SIDE, grids=((_SIDE, _SIDE),))
    return PlaceMap.of(settings, look), rng.poisson(look[:_QUERIES]).astype(np.float32) + np.float32(0.5)
