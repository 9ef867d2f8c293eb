"""Places that are learned: how long training takes, what is recalled, beside VPRTempo and LENS on the same windows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.bench import peers
from eventflow.bench.inputs import samples
from eventflow.bench.model import Limit, Reading, Row, measured
from eventflow.bench.place_peers import PeerLearner
from eventflow.bench.race import one_core
from eventflow.place.amplitudes import Amplitudes
from eventflow.place.population import PopulationMatcher
from eventflow.place.tempo import LENS, VPRTEMPO, TempoMatcher

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eventflow.bench.suite import Bench

_SIDE: Final = 10
_MANY: Final = 1000
_TOLERANCE: Final = 3
_RULES: Final = {"vprtempo": ("VPRTempo", VPRTEMPO), "lens-vpr": ("LENS", LENS)}


def rows(bench: Bench) -> Iterator[Row]:
    """Yield the training of the sample drives beside the packages, and of 1000 places alone."""
    reference, query, what = _drives()
    for peer, (name, rules) in _RULES.items():
        if bench.wants(f"place.learn.{peer}"):
            bench.announce(f"learning as {name} does")
            yield _beside(
                peer, f"{what}, trained by {name}'s rules", TempoMatcher(rules=rules), reference, query, bench
            )
    if bench.wants("place.learn.population"):
        bench.announce("Diehl-Cook population")
        seconds, recall = _ours(PopulationMatcher(), reference, query)
        note = (
            f"recalls {recall:.2f} within {_TOLERANCE} places, each window alone; 400 neurons, 4 showings of each place"
        )
        yield measured("place.learn.population", f"{what}, a Diehl-Cook population", "s", [seconds], note=note)
    if bench.wants("place.learn.many"):
        bench.announce(f"{_MANY} places")
        street = np.random.default_rng(1).gamma(2.0, 4.0, (_MANY, _SIDE * _SIDE)).astype(np.float32)
        seconds, recall = _ours(TempoMatcher(), street, np.random.default_rng(2).poisson(street).astype(np.float32))
        note = f"recalls {recall:.2f} of the same windows under shot noise"
        what = f"{_MANY} simulated windows of {_SIDE * _SIDE} values, a neuron a place"
        yield measured("place.learn.many", what, "s", [seconds], Limit(60.0), note)


def _beside(peer: str, what: str, matcher: TempoMatcher, reference: Any, query: Any, bench: Bench) -> Row:
    ours, recall = _ours(matcher, reference, query)
    notes, others = [f"recall within {_TOLERANCE} places, each window alone: eventflow {recall:.2f}"], {}
    if bench.peers and peers.load(peer) is not None:
        theirs, their_recall = _theirs(peer, reference, query)
        others[peer] = Reading(theirs, theirs, theirs / ours)
        notes.append(f"{peer} {their_recall:.2f}")
    return Row(f"place.learn.{peer}", what, "s", Reading(ours, ours), others=others, note=", ".join(notes))


def _ours(matcher: Any, reference: NDArray[np.float32], query: NDArray[np.float32]) -> tuple[float, float]:
    """Return how long training took, s, and the share of windows that are recalled."""
    type(matcher)().learn(reference[:8], np.arange(8))  # the kernels are compiled
    with one_core():
        begun = time.perf_counter()
        matcher.learn(reference, np.arange(len(reference)))
        seconds = time.perf_counter() - begun
    return seconds, _recall(np.stack([matcher.scores(window) for window in query]))


def _theirs(peer: str, reference: NDArray[np.float32], query: NDArray[np.float32]) -> tuple[float, float]:
    import torch

    amplitudes, threads = Amplitudes.of(reference), torch.get_num_threads()
    learner = PeerLearner(peer)
    torch.set_num_threads(1)
    try:
        with one_core():
            begun = time.perf_counter()
            learner.learn(amplitudes(reference))
            seconds = time.perf_counter() - begun
    finally:
        torch.set_num_threads(threads)
    return seconds, _recall(learner.scores(amplitudes(query)))


def _recall(scores: NDArray[np.float32]) -> float:
    return float((np.abs(scores.argmax(axis=1) - np.arange(len(scores))) <= _TOLERANCE).mean())


def _drives() -> tuple[NDArray[np.float32], NDArray[np.float32], str]:
    """Return the windows of two drives, (places, 100), and what they are: the samples, or simulated ones."""
    root = samples()
    folder = None if root is None else root / "place" / "lens_example" / "davis128"
    if folder is None or not folder.is_dir():
        street = np.random.default_rng(1).gamma(2.0, 4.0, (100, _SIDE * _SIDE)).astype(np.float32)
        return street, np.random.default_rng(2).poisson(street).astype(np.float32), "100 simulated windows"
    from eventflow.score.place_sets import read_drive

    reference, query = (
        read_drive(folder / f"example-{name}").map_with(_SIDE, _SIDE).descriptors for name in ("reference", "query")
    )
    return reference, query, f"the {len(reference)} sample windows"
