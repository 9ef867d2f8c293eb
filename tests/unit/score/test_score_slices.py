"""Slicers that follow the events give more even slices than those that follow the clock; formulas hold to the bit."""

from __future__ import annotations

import argparse

import numpy as np
import pytest

from eventflow.cli import score_represent, score_slices
from eventflow.errors import ParameterError
from eventflow.kernels.slices import TimeSlicer
from eventflow.score.representations import agreements
from eventflow.score.slices import slice_spread, speed_sweep, stock_slicers


@pytest.fixture(scope="module")
def sweep():
    return speed_sweep(width=80, height=60, distance_px=60.0)


def test_the_sweep_moves_as_it_says(sweep):
    assert sweep.events.ordered
    moved = sweep.travelled(sweep.borders_us)
    np.testing.assert_allclose(np.diff(moved), 60.0, atol=0.01)
    edges = sweep.events.between(0, int(sweep.borders_us[1]))
    assert len(edges) > 1_000
    assert speed_sweep(width=80, height=60, distance_px=60.0).events.records.tobytes() == sweep.events.records.tobytes()


def test_slices_by_events_are_more_even_than_by_time(sweep):
    spread = {name: slice_spread(make(), sweep) for name, make in stock_slicers(80, 60).items()}
    clock = spread["time 10 ms"].displacement_cv
    for name in ("count 2000", "area 32 px, 200", "entropy, 5 %", "contrast, 5 %"):
        assert spread[name].slices >= 3
        assert spread[name].displacement_cv < clock / 2


def test_no_slices_are_no_numbers(sweep):
    found = slice_spread(TimeSlicer(10**12), sweep)
    assert found.slices == 0
    assert np.isnan(found.displacement_cv)


def test_representations_are_their_formulas(sweep):
    events = sweep.events[:20_000]
    found = agreements(events, int(events.t[0]), int(events.t[-1]))
    assert [each.name for each in found if not each.equal] == []


def test_the_command_prints_both(capsys):
    for module, arguments, says in (
        (score_slices, ["--noise", "0"], "contrast, 5 %"),
        (score_slices, ["--json"], '"displacement_cv"'),
        (score_represent, ["--events", "3000"], "voxel_grid"),
        (score_represent, ["--events", "3000", "--json"], '"equal": true'),
    ):
        parser = argparse.ArgumentParser()
        module.arguments(parser)
        assert module.main(parser.parse_args(arguments)) == 0
        assert says in capsys.readouterr().out


def test_an_impossible_sweep_is_refused():
    with pytest.raises(ParameterError, match="expected all above 0"):
        speed_sweep(speeds_px_s=(0.0,))
