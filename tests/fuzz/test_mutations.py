"""Whatever a file of any format holds: events that keep their promises, or an error in a sentence. Nothing else.

The long runs are `python tools/fuzz.py`, to the same checks.
"""

from __future__ import annotations

import warnings

import pytest
from checking import Checker
from dressing import dressed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutation import Mutator
from seeds import seeds_of
from trajectories import TrajectoryChecker, trajectories

from eventflow.io.table import format_named, formats

NAMES = [row.name for row in formats() if row.reads]


@pytest.mark.parametrize("name", NAMES)
def test_damage_is_survived(name, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        seeds = seeds_of(name)
    assert seeds, "there is nothing to damage"
    row = format_named(name)
    check = Checker(row, str(tmp_path / f"input{row.suffixes[0]}"))

    @settings(max_examples=60, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(seed=st.integers(0, 1 << 32), number=st.integers(0, len(seeds) - 1))
    def damage(seed, number):
        check(dressed(name, Mutator(seed).mutate(seeds[number], seeds[-1])), seed)

    damage()
    for number, seed in enumerate(seeds):
        check(dressed(name, seed), number)


@pytest.mark.parametrize("name", ["tum", "nmea"])
def test_damaged_trajectories_are_survived(name, tmp_path):
    check, seeds = TrajectoryChecker(name, str(tmp_path / "input.txt")), trajectories()[name]
    for seed in range(300):
        check(Mutator(seed).mutate(seeds[seed % 2], seeds[1 - seed % 2]), seed)
    assert check.judged > 50
    assert check(seeds[0], 0) is None
