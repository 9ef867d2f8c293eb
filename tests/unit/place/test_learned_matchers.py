"""Matchers that are trained: they recall a route, see through contrast, and equal slow plain references."""

import numpy as np
import pytest

from eventflow.errors import ParameterError
from eventflow.place.amplitudes import Amplitudes
from eventflow.place.descriptors import DescriptorSettings
from eventflow.place.diehl_cook import DiehlCookPopulation
from eventflow.place.diehl_cook_kernels import clear, normalise, present
from eventflow.place.ensemble import EnsembleMatcher
from eventflow.place.learners import LEARNED
from eventflow.place.matchers import L1Matcher
from eventflow.place.place_map import PlaceMap
from eventflow.place.population import PopulationMatcher
from eventflow.place.recogniser import Recogniser
from eventflow.place.tempo import LENS, TempoMatcher, TempoRules, first_weights
from eventflow.place.tempo_kernels import train_features, train_outputs

FAST = TempoRules(presentations=2000)


def route(places=40, length=36, seed=3):
    """Smoothly changing descriptors and the same seen dimmer and noisier, with ids in steps of ten."""
    rng = np.random.default_rng(seed)
    rows = rng.gamma(1.5, 10.0, (places, length))
    seen = rows * 0.5 + rng.normal(0, 2.0, rows.shape)
    return rows.astype(np.float32), seen.astype(np.float32), np.arange(places, dtype=np.int64) * 10


def recall(matcher, queries, places):
    return np.mean(
        [matcher.places[matcher.scores(query).argmax()] == place for query, place in zip(queries, places, strict=True)]
    )


@pytest.mark.parametrize(
    ("matcher", "least"),
    [
        (TempoMatcher(rules=FAST), 0.95),
        (
            TempoMatcher(
                rules=TempoRules(**{k: getattr(LENS, k) for k in LENS.__slots__} | {"epochs": 1, "presentations": 2000})
            ),
            0.95,
        ),
        (TempoMatcher(rules=FAST, module=15), 0.8),
        (EnsembleMatcher([TempoMatcher(rules=FAST, seed=seed) for seed in range(3)]), 0.95),
        (PopulationMatcher(neurons=200, epochs=3, region=40), 0.7),
        (PopulationMatcher(neurons=100, epochs=3, region=20), 0.5),
    ],
    ids=["tempo", "lens", "modules", "ensemble", "population", "regions"],
)
def test_a_route_is_recalled_at_half_the_contrast(matcher, least):
    rows, seen, places = route()
    matcher.learn(rows, places)
    assert matcher.places.tolist() == places.tolist()
    assert recall(matcher, seen, places) >= least


def test_one_seed_gives_one_answer():
    rows, seen, places = route(12)
    answers = []
    for _ in range(2):
        matcher = PopulationMatcher(neurons=50, epochs=1, seed=7)
        matcher.learn(rows, places)
        answers.append(matcher.scores(seen[0]))
    assert np.array_equal(*answers)


def test_hyperactive_neurons_of_a_region_are_muted():
    rows, seen, places = route()
    matcher = PopulationMatcher(neurons=100, epochs=2, region=20, calibration=40)
    matcher.learn(rows, places)
    before = recall(matcher, seen, places)
    loud = matcher._regions[0]
    loud._weights[:, :3] = 0.9
    loud._theta[:3] = -5.0
    planted = recall(matcher, seen, places)
    shown = matcher._amplitudes(rows)
    matcher.muted_above = matcher._mute(shown, np.arange(40))
    assert loud.muted[:3].all()
    assert recall(matcher, seen, places) > min(planted, before) - 1e-9
    assert planted <= before


def test_features_are_trained_as_in_a_plain_loop():
    rng = np.random.default_rng(0)
    inputs = (rng.random((6, 7)) * (rng.random((6, 7)) < 0.7)).astype(np.float32)
    weights = first_weights(rng, 5, 7, 0.4, 0.5)
    signs, order = np.sign(weights).astype(np.int8), rng.integers(0, 6, 30)
    thresholds, targets = rng.random(5).astype(np.float32) / 4, np.linspace(0.2, 0.9, 5).astype(np.float32)
    slow_w, slow_thr = weights.astype(np.float64), thresholds.astype(np.float64)
    for step, example in enumerate(order):
        left = ((30 - step) / 30) ** 2
        x = inputs[example].astype(np.float64)
        net = slow_w @ x
        spike = np.clip(net - slow_thr, 0, 0.9)
        change = 0.01 * left * np.where(spike > 0, 0.5 - spike, 0)[:, None] * (x > 0)
        slow_w = slow_w + np.where(signs != 0, change, 0)
        slow_w = np.where(signs < 0, slow_w * (1 + 50 * 0.01 * left * net)[:, None], slow_w)
        slow_w = np.where(signs > 0, np.clip(slow_w, 1e-6, 10), np.where(signs < 0, np.clip(slow_w, -10, -1e-6), 0))
        slow_thr = np.maximum(slow_thr + 0.1 * left * (spike - targets), 0)
    train_features(weights, signs, thresholds, targets, inputs, order, np.float32(0.01), np.float32(0.1))
    assert np.allclose(weights, slow_w, atol=1e-5)
    assert np.allclose(thresholds, slow_thr, atol=1e-5)


def test_outputs_are_taught_as_in_a_plain_loop():
    rng = np.random.default_rng(1)
    features, targets = rng.random((6, 5)).astype(np.float32), np.linspace(0.2, 0.9, 5).astype(np.float32)
    weights, order = first_weights(rng, 6, 5, 1.0, 1.0), rng.integers(0, 6, 50)
    slow = weights.astype(np.float64)
    for step, example in enumerate(order):
        error = 0.5 * (np.arange(6) == example) - np.clip(slow @ features[example], 0, 0.9)
        slow += 0.05 * ((50 - step) / 50) ** 2 * np.outer(error, features[example] / targets)
    train_outputs(weights, targets, features, np.arange(6), order, np.float32(0.05))
    assert np.allclose(weights, slow, atol=1e-4)


def test_learning_raises_the_threshold_and_keeps_weights_in_bounds():
    population = DiehlCookPopulation(neurons=30, epochs=10)
    image = np.zeros((1, 16))
    image[0, :5] = 1.0
    population.learn(image, np.array([0]))
    assert population._theta.max() > 20.0
    assert population._weights.min() >= 0
    winner = population._theta.argmax()
    assert population._weights[:5, winner].mean() > 2 * population._weights[5:, winner].mean()


def test_one_winner_silences_the_others():
    weights, theta, state = np.full((4, 3), 0.1), np.array([10.0, 20.0, 20.0]), np.zeros((11, 3))
    clear(state)
    counts = np.zeros(3, np.int64)
    present(np.full(4, 2000.0), 700, 0.5, weights, theta, state, False, 1, counts)
    assert counts[0] > 3
    assert counts[1:].sum() == 0
    assert np.array_equal(weights, np.full((4, 3), 0.1))


def test_weights_into_each_neuron_have_one_sum():
    weights = np.random.default_rng(0).random((9, 4))
    weights[:, 2] = 0
    normalise(weights, 3.0)
    assert np.allclose(weights.sum(axis=0), [3.0, 3.0, 0.0, 3.0])


def test_amplitudes_do_not_see_contrast_or_light():
    rows, _, _ = route(20)
    amplitudes = Amplitudes.of(rows)
    assert amplitudes(rows).min() >= 0
    assert amplitudes(rows).max() <= 1
    assert not amplitudes(rows.mean(axis=0)).any()
    with pytest.raises(ParameterError, match="describe with the map's"):
        amplitudes(rows[:, :5])


def test_a_flat_descriptor_fires_nothing():
    rows, _, places = route(12)
    for matcher in (TempoMatcher(rules=FAST), PopulationMatcher(neurons=30, epochs=1)):
        matcher.learn(rows, places)
        assert np.isfinite(matcher.scores(np.zeros(36, np.float32))).all()


def test_an_ensemble_of_parts_needs_a_part_a_member():
    with pytest.raises(ParameterError, match="expected at least one"):
        EnsembleMatcher([L1Matcher()], parts=[slice(0, 2), slice(2, 4)])
    with pytest.raises(ParameterError, match="expected at least one"):
        EnsembleMatcher([])


def test_an_ensemble_hears_each_member_alike():
    rows, seen, places = route(20)
    members = [L1Matcher(), L1Matcher()]
    ensemble = EnsembleMatcher(members, parts=[slice(0, 18), slice(18, 36)])
    ensemble.learn(rows, places)
    parts = [members[0].scores(seen[4][:18]), members[1].scores(seen[4][18:])]
    expected = sum((part - part.mean()) / part.std() for part in parts) / 2
    assert np.allclose(ensemble.scores(seen[4]), expected, atol=1e-5)


@pytest.mark.parametrize("name", [*LEARNED])
def test_a_recogniser_runs_on_what_was_learned(name):
    rows, seen, _ = route(60)
    smooth = ((rows[:-1] + rows[1:]) / 2).astype(np.float32)
    settings = DescriptorSettings(width=6, height=6, grids=((6, 6),))
    recogniser = Recogniser(PlaceMap.of(settings, smooth), matcher=LEARNED[name]())
    answers = [recogniser.push((seen[k] + seen[k + 1]) / 2, t=k) for k in range(20, 50)]
    right = [abs(int(answer.alternatives[0]) - 20 - k) <= 1 for k, answer in enumerate(answers)]
    assert np.mean(right[5:]) >= 0.9
