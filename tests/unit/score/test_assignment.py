"""The pairing is the best there is."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from eventflow.score import assigned


def best(cost, gate):
    """Try everything: the most pairs within the gate, then the least sum."""
    turned = cost if cost.shape[0] <= cost.shape[1] else cost.T
    found = [
        [turned[row, column] for row, column in enumerate(columns) if turned[row, column] <= gate]
        for columns in permutations(range(turned.shape[1]), turned.shape[0])
    ]
    most = max(len(pairs) for pairs in found)
    return most, min(sum(pairs) for pairs in found if len(pairs) == most)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.integers(1, 5).flatmap(
        lambda rows: st.integers(1, 5).flatmap(
            lambda columns: st.lists(
                st.lists(st.integers(0, 9), min_size=columns, max_size=columns), min_size=rows, max_size=rows
            )
        )
    ),
    st.sampled_from([0, 3, 6, 100]),
)
def test_no_pairing_is_better(rows, gate):
    cost = np.array(rows, np.float64)
    pairs = assigned(cost, gate)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    assert pairs == sorted(pairs)
    assert all(cost[pair] <= gate for pair in pairs)
    assert (len(pairs), sum(cost[pair] for pair in pairs)) == best(cost, gate)


def test_a_sequence_of_exchanges_is_found():
    # the greedy choice (0, 0) would leave row 1 with 100
    assert assigned(np.array([[1.0, 2.0], [1.5, 100.0]])) == [(0, 1), (1, 0)]


def test_nothing_to_pair():
    assert assigned(np.zeros((0, 3))) == []
    assert assigned(np.zeros((3, 0))) == []
    assert assigned(np.full((2, 2), 9.0), 8.0) == []


def test_inputs_are_not_written():
    cost = np.random.default_rng(0).random((4, 3))
    cost.flags.writeable = False
    assert len(assigned(cost)) == 3
