"""Where the camera is, as a belief over all places: a Bayes filter with a motion model, online and causal.

A hidden Markov model (Thrun et al. 2005, chapter 8): the state is a place or "not on the route". Between two windows
the camera advances by some places, or is carried elsewhere, or leaves the route, or comes back to it. What the matcher
says enters as the logarithm of how much likelier a similarity is at the right place than at a wrong one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.errors import ParameterError
from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Motion:
    """How the camera gets from window to window.

    Attributes:
        fastest: places that it may advance in a window.
        back: probability of a step back by one place.
        carried: probability of being at any other place of the route.
        leaves: probability of leaving the route.
        returns: probability of coming back to it, anywhere.
    """

    fastest: int = 3
    back: float = 0.05
    carried: float = 0.001
    leaves: float = 0.005
    returns: float = 0.05

    def __post_init__(self) -> None:
        if not 1 <= self.fastest <= 64:
            raise ParameterError(f"fastest is {self.fastest} places a window, expected 1 to 64")
        for name in ("back", "carried", "leaves", "returns"):
            if not 0 < getattr(self, name) < 0.5:
                raise ParameterError(f"{name} is {getattr(self, name)}, expected above 0 and below 0.5")

    def steps(self) -> NDArray[np.float64]:
        """Return the probabilities of advancing by -1, 0, 1, … `fastest` places."""
        forward = np.ones(self.fastest + 1)
        forward[0] = 0.5  # standing still is rarer than any speed, and windows without events are not filtered at all
        return np.concatenate([[self.back], forward / forward.sum() * (1.0 - self.back)])


@jit
def _add_scaled(values: NDArray[np.float64], weight: float, out: NDArray[np.float64]) -> None:
    for place in range(len(values)):
        out[place] += weight * values[place]


@jit
def _moved(
    belief: NDArray[np.float64],
    begins: NDArray[np.int64],
    steps: NDArray[np.float64],
    kept: float,
    spread: float,
    out: NDArray[np.float64],
) -> None:
    """Move the belief by the steps; what would leave a drive at its end is spread with the rest, over all places."""
    lost = 0.0
    out[:] = 0.0
    for drive in range(len(begins) - 1):
        begin, end = begins[drive], begins[drive + 1]
        for number in range(len(steps)):
            step, weight = number - 1, kept * steps[number]
            first, last = max(begin, begin - step), min(end, end - step)
            if first < last:
                _add_scaled(belief[first:last], weight, out[first + step : last + step])
            for place in range(begin, min(first, end)):
                lost += weight * belief[place]
            for place in range(max(last, begin), end):
                lost += weight * belief[place]
    even = (spread + lost) / len(belief)
    for place in range(len(belief)):
        out[place] += even


@jit
def _weighed(belief: NDArray[np.float64], off: float, evidence: NDArray[np.float64]) -> float:
    """Multiply the belief by the likelihood ratios, make everything sum to 1, and return the new `off`."""
    most, least = 0.0, np.inf
    for place in range(len(evidence)):
        most, least = max(most, evidence[place]), min(least, evidence[place])
    lowest = math.exp(least - most)  # half of the places have the lowest evidence: one exponential serves them all
    total = off * math.exp(-most)
    for place in range(len(evidence)):
        below = evidence[place] - most
        # smaller powers than these are subnormal in 32 bits, and a hundred times as slow
        ratio = lowest if evidence[place] == least else math.exp(np.float32(max(below, -80.0)))
        belief[place] *= ratio
        total += belief[place]
    share = 1.0 / total
    for place in range(len(evidence)):
        belief[place] *= share
    return off * math.exp(-most) / total


@jit
def _around(
    belief: NDArray[np.float64],
    since: NDArray[np.int64],
    until: NDArray[np.int64],
    reach: int,
    sums: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Sum the belief within `reach` places of each, along its drive; `sums` is room for one number more than places."""
    places = len(belief)
    for place in range(places):
        sums[place + 1] = sums[place] + belief[place]
    for place in range(places):
        out[place] = sums[place + min(until[place], reach) + 1] - sums[place - min(since[place], reach)]


@jit
def likeliest(belief: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Return the indices of the `count` largest, the largest first, of equals the earliest: int64 (count,)."""
    found = np.full(count, -1, np.int64)
    for place in range(len(belief)):
        if found[count - 1] >= 0 and belief[place] <= belief[found[count - 1]]:
            continue
        slot = count - 1
        while slot > 0 and (found[slot - 1] < 0 or belief[place] > belief[found[slot - 1]]):
            found[slot] = found[slot - 1]
            slot -= 1
        found[slot] = place
    return found


class BeliefFilter:
    """The belief over places and "not on the route" after each window.

    Args:
        since: int64 (places,): places of the same drive before each.
        until: int64 (places,): places of the same drive after each.
        motion: how the camera moves.

    Attributes:
        places: float64 (places,): the probability of each place.
        off: the probability of not being on the route.
    """

    def __init__(self, since: NDArray[np.int64], until: NDArray[np.int64], motion: Motion) -> None:
        self._since, self._until, self._motion = since, until, motion
        self._begins = np.append(np.flatnonzero(since == 0), len(since))
        self._steps = motion.steps()
        self.forget()

    def forget(self) -> None:
        """Begin anew: as likely on the route as not, anywhere."""
        count = len(self._since)
        self.places, self.off = np.full(count, 0.5 / count), 0.5

    def push(self, evidence: NDArray[np.floating[Any]]) -> None:
        """Take in a window: `evidence` (places,) is the logarithm of the likelihood ratio of each place."""
        motion, on = self._motion, float(self.places.sum())
        out = np.empty_like(self.places)
        spread = motion.carried * on + motion.returns * self.off
        _moved(self.places, self._begins, self._steps, 1 - motion.carried - motion.leaves, spread, out)
        off = (1 - motion.returns) * self.off + motion.leaves * on
        self.off = _weighed(out, off, np.asarray(evidence, np.float64))
        self.places = out

    def around(self, reach: int) -> NDArray[np.float64]:
        """Return the probability of being within `reach` places of each, along its drive, float64 (places,)."""
        sums, out = np.zeros(len(self.places) + 1), np.empty(len(self.places))
        _around(self.places, self._since, self._until, reach, sums, out)
        return out

    def state(self) -> dict[str, Any]:
        """Return a copy of the belief."""
        return {"places": self.places.copy(), "off": self.off}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state` returned."""
        self.places, self.off = state["places"].copy(), state["off"]
