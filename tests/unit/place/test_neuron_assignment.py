"""Assignments of neurons to places: against plain loops over the published formulas, and on a trained population."""

import numpy as np
import pytest

from eventflow.errors import ParameterError
from eventflow.place.assignment import standard_assignment, weighted_assignment


def standard_by_loops(train, places, test, count):
    """Mean spikes of the neurons whose top place it is."""
    neurons = train.shape[1]
    owner = []
    of_place = [np.flatnonzero(places == v) for v in range(count)]
    for j in range(neurons):
        means = [
            sum(train[k, j] for k in of_place[v]) / len(of_place[v]) if len(of_place[v]) else 0.0 for v in range(count)
        ]
        owner.append(int(np.argmax(means)) if max(means) > 0 else -1)
    scores = np.zeros((len(test), count))
    for q in range(len(test)):
        for v in range(count):
            mine = [test[q, j] for j in range(neurons) if owner[j] == v]
            scores[q, v] = sum(mine) / len(mine) if mine else 0.0
    return scores


def weighted_by_loops(train, places, test, count):
    """The published formula, neuron by neuron and place by place."""
    neurons = train.shape[1]
    s = np.zeros((neurons, count))
    for k in range(len(train)):
        for j in range(neurons):
            s[j, places[k]] += train[k, j]
    scores = np.zeros((len(test), count))
    for q in range(len(test)):
        for v in range(count):
            total, fired = 0.0, 0.0
            for j in range(neurons):
                if test[q, j] > 0 and s[:, v].sum() > 0:
                    fired += s[j, v] / s[:, v].sum()
                if s[j].sum() == 0 or s[j, v] / s[j].sum() <= 0.1:
                    continue
                spoken = sum(1 for u in range(count) if s[j, u] / s[j].sum() > 0.1)
                r = test[q, j] / spoken if spoken >= 0.02 * count else test[q, j]
                total += r * s[j, v] / s[j].sum()
            scores[q, v] = total * fired
    return scores


@pytest.mark.parametrize("count", [5, 120])
@pytest.mark.parametrize(
    ("assign", "loops"), [(standard_assignment, standard_by_loops), (weighted_assignment, weighted_by_loops)]
)
def test_equals_plain_loops(assign, loops, count):
    rng = np.random.default_rng(count)
    places = rng.integers(0, count, 40)
    train = rng.poisson(0.4, (40, 23)) * (rng.random((40, 23)) < 0.4)
    train[:, 3] = 0
    test = rng.poisson(0.5, (9, 23))
    assert np.allclose(
        assign(train, places, count=count).scores(test), loops(train, places, test, count), rtol=1e-12, atol=0
    )


def test_a_neuron_of_one_place_keeps_its_weight():
    train = np.array([[3, 1], [0, 1]])
    weights = weighted_assignment(train, np.array([0, 1])).weights
    assert weights[0].tolist() == [1.0, 0.0]
    assert weights[1].tolist() == [0.25, 0.25]


@pytest.mark.samples
@pytest.mark.parametrize(("assign", "accuracy"), [(standard_assignment, 592), (weighted_assignment, 600)])
def test_trained_population(samples, assign, accuracy):
    folder = samples / "place" / "vprsnn"
    spikes = np.load(folder / "resultPopVecs12000.npy")
    places = np.load(folder / "inputNumbers12000.npy")[: len(spikes)].astype(np.int64)
    assignment = assign(spikes, places)
    assert (assignment.scores(spikes).argmax(axis=1) == places).sum() == accuracy
    loops = standard_by_loops if assign is standard_assignment else weighted_by_loops
    assert np.allclose(assignment.scores(spikes[:1]), loops(spikes, places, spikes[:1], 100), rtol=1e-9)


@pytest.mark.parametrize(
    ("spikes", "places", "message"),
    [
        (np.ones((3, 2)), np.array([0, 1]), "expected"),
        (np.ones(3), np.array([0, 1, 2]), "expected"),
        (np.ones((2, 2)), np.array([0, -1]), "places run"),
    ],
)
def test_what_does_not_fit_is_refused(spikes, places, message):
    with pytest.raises(ParameterError, match=message):
        weighted_assignment(spikes, places)


def test_counts_of_another_population_are_refused():
    with pytest.raises(ParameterError, match="2 neurons"):
        standard_assignment(np.ones((2, 2)), np.array([0, 1])).scores(np.ones((1, 3)))
