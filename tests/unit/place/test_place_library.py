"""Place recognition against plain loops: descriptors, matchers, sequences, beliefs, maps."""

from __future__ import annotations

import contextlib

import h5py
import numpy as np
import pytest

from eventflow.errors import ParameterError, RecordingError
from eventflow.place import (
    CorrelationMatcher,
    DescriptorSettings,
    L1Matcher,
    PlaceMap,
    Recogniser,
    describe,
    load_map,
    save_map,
)
from eventflow.place.belief import BeliefFilter, Motion, likeliest
from eventflow.place.descriptors import patch_normalised, pooled
from eventflow.place.matchers import SparseMatcher
from eventflow.place.recogniser import says_nothing
from eventflow.place.sequence import DiagonalSequence, SpeedSequence, diagonal

GRID = DescriptorSettings(width=36, height=36, grids=((6, 6),))


def street(places, seed=0, cells=36):
    """Descriptors of a street: neighbours look alike, others do not."""
    fresh = np.random.default_rng(seed).gamma(2.0, 40.0, (places + 2, cells)).astype(np.float32)
    return np.asarray((fresh[:-2] + 2 * fresh[1:-1] + fresh[2:]) / 4, np.float32)


def drive(look, seed=1, gain=1.0):
    return np.random.default_rng(seed).poisson(look * gain).astype(np.float32)


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (2, 3), (4, 5), (7, 9)])
def test_cells_are_the_means_of_their_pixels(rows, columns):
    plane = np.random.default_rng(1).poisson(3, (7, 9)).astype(np.float32)
    expected = np.empty((rows, columns))
    for i in range(rows):
        for j in range(columns):
            part = plane[i * 7 // rows : (i + 1) * 7 // rows, j * 9 // columns : (j + 1) * 9 // columns]
            expected[i, j] = part.mean()
    assert np.allclose(pooled(plane, rows, columns), expected, rtol=1e-6)


@pytest.mark.parametrize("patch", [1, 2, 3, 8])
def test_patch_normalisation_is_the_plain_loop(patch):
    plane = np.random.default_rng(2).random((5, 6)).astype(np.float32)
    expected = np.zeros((5, 6))
    for y in range(5):
        for x in range(6):
            top, left = max(y - patch // 2, 0), max(x - patch // 2, 0)
            near = plane[top : y + patch - patch // 2, left : x + patch - patch // 2].astype(float)
            if near.std() > 1e-6:
                expected[y, x] = (plane[y, x] - near.mean()) / near.std()
    assert np.allclose(patch_normalised(plane, patch), expected, atol=1e-4)


def test_descriptors_refuse_what_does_not_fit():
    with pytest.raises(ParameterError, match="expected 36 rows and 36 columns"):
        describe(np.zeros((3, 4)), GRID)
    with pytest.raises(ParameterError, match="does not fit images"):
        DescriptorSettings(width=4, height=4, grids=((5, 5),))
    other = DescriptorSettings(width=40, height=36, grids=((6, 6),))
    assert GRID.differences(other) == ["width is 36 here and 40 there"]
    assert DescriptorSettings.from_dict(GRID.as_dict()) == GRID


def test_correlation_is_the_plain_formula():
    look, query = drive(street(20)), drive(street(20), seed=9)[3]
    matcher = CorrelationMatcher(6, 6, shift=0.2, adapt=False)
    matcher.learn(look, np.arange(20))
    even = np.stack([np.sqrt(row) / np.sqrt(row).mean() for row in look])
    deviation = even.std(axis=0) + 0.1 * even.std(axis=0).mean()
    standard = ((even - even.mean(axis=0)) / deviation).reshape(20, 6, 6)
    asked = (np.sqrt(query) / np.sqrt(query).mean() - even.mean(axis=0)) / deviation
    best = np.full(20, -np.inf)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            view = np.zeros((6, 6))
            for y in range(6):
                for x in range(6):
                    if 0 <= y - dy < 6 and 0 <= x - dx < 6:
                        view[y, x] = asked.reshape(6, 6)[y - dy, x - dx]
            for place in range(20):
                norm = np.linalg.norm(view) * np.linalg.norm(standard[place])
                best[place] = max(best[place], (view * standard[place]).sum() / norm)
    assert np.allclose(matcher.scores(query), best, atol=1e-4)


def test_correlation_does_not_see_speed_and_finds_a_shifted_view():
    look = street(50)
    matcher = CorrelationMatcher(6, 6)
    matcher.learn(look, np.arange(50))
    assert matcher.scores(look[7] * 3).argmax() == 7
    shifted = np.roll(look[7].reshape(6, 6), 1, axis=1)
    shifted[:, 0] = 0
    assert matcher.scores(shifted.ravel()).argmax() == 7


def test_a_place_learned_twice_is_as_alike_as_its_likest_descriptor():
    look = street(6)
    ids = np.array([4, 2, 4, 9, 2, 4])
    for matcher in (L1Matcher(), CorrelationMatcher(6, 6)):
        matcher.learn(look, ids)
        assert list(matcher.places) == [4, 2, 9]
        assert [matcher.places[matcher.scores(row).argmax()] for row in look] == list(ids)


def test_sparse_elements_are_busy_ones_and_leave_hot_ones_out():
    look = np.ones((5, 200), np.float32)
    look[:, :20] = np.arange(5)[:, None] + 5
    look[:, 20] = 1e6
    matcher = SparseMatcher(15)
    matcher.learn(look, np.arange(5))
    assert 20 not in matcher._chosen
    assert (matcher._chosen < 20).mean() > 0.25  # of all elements a tenth is busy
    assert matcher.scores(look[3]).argmax() == 3


@pytest.mark.parametrize("length", [1, 3, 10])
def test_sequences_are_the_plain_loops(length):
    rng = np.random.default_rng(4)
    scores = rng.normal(size=(30, 25)).astype(np.float32)
    starts = np.isin(np.arange(30), [0, 11, 12])
    begin = np.maximum.accumulate(np.where(starts, np.arange(30), 0))
    speeds = (0.5, 1, 2)
    straight, searched = DiagonalSequence(starts, length=length), SpeedSequence(starts, length=length, speeds=speeds)
    for query in range(25):
        column = np.ascontiguousarray(scores[:, query])
        found = {1.0: straight.push(column), 0.0: searched.push(column)}
        for place in range(30):
            sums = {}
            for speed in speeds:
                windows = range(min(length, query + 1))
                backs = [round(speed * k) for k in windows]
                inside = [place - back >= begin[place] for back in backs]
                sums[speed] = np.mean(
                    [
                        scores[place - back, query - k] if fits else scores[:, query - k].mean()
                        for k, back, fits in zip(windows, backs, inside, strict=True)
                    ]
                )
            assert found[1.0][place] == pytest.approx(sums[1], abs=1e-5)
            assert found[0.0][place] == pytest.approx(max(sums.values()), abs=1e-5)
    assert diagonal(scores, length).shape == scores.shape


def test_the_belief_is_bayes_rule_over_an_explicit_transition_matrix():
    rng = np.random.default_rng(5)
    since, until = np.array([0, 1, 2, 0, 1, 0]), np.array([2, 1, 0, 1, 0, 0])
    motion = Motion(fastest=2, carried=0.01, leaves=0.02, returns=0.1)
    belief = BeliefFilter(since, until, motion)
    steps = dict(zip(range(-1, 3), motion.steps(), strict=True))
    assert sum(steps.values()) == pytest.approx(1)
    moves = np.zeros((7, 7))  # from, to; the last is off the route
    for place in range(6):
        for step, share in steps.items():
            part = share * (1 - motion.carried - motion.leaves)
            if -since[place] <= step <= until[place]:
                moves[place, place + step] += part
            else:
                moves[place, :6] += part / 6
        moves[place, :6] += motion.carried / 6
        moves[place, 6] += motion.leaves
    moves[6, :6], moves[6, 6] = motion.returns / 6, 1 - motion.returns
    assert np.allclose(moves.sum(axis=1), 1)
    expected = np.append(np.full(6, 0.5 / 6), 0.5)
    for _ in range(8):
        evidence = rng.normal(size=6)
        belief.push(evidence)
        expected = (expected @ moves) * np.append(np.exp(evidence), 1.0)
        expected /= expected.sum()
        assert np.allclose(np.append(belief.places, belief.off), expected, rtol=1e-5)
    around = [belief.places[p - min(since[p], 1) : p + min(until[p], 1) + 1].sum() for p in range(6)]
    assert np.allclose(belief.around(1), around)


def test_the_likeliest_are_those_of_a_stable_sort():
    rng = np.random.default_rng(6)
    for count in (1, 3, 9):
        values = rng.integers(0, 5, 9).astype(float)
        assert list(likeliest(values, count)) == list(np.argsort(-values, kind="stable")[:count])


def test_a_second_drive_is_recognised_lost_and_found_again():
    look, elsewhere = street(300), street(80, seed=50)
    recogniser = Recogniser(PlaceMap.of(GRID, drive(look, seed=2)))
    route = [*range(20, 60), *range(200, 240)]
    rows = np.concatenate([look[route], elsewhere[:40]])
    answers = [recogniser.push(row, t=number) for number, row in enumerate(drive(rows, seed=3, gain=0.5))]
    first = np.array([answer.alternatives[0] for answer in answers])
    assert (np.abs(first[3:40] - np.arange(23, 60)) <= 2).mean() > 0.95
    assert (np.abs(first[44:80] - np.arange(204, 240)) <= 2).mean() > 0.95  # found again soon after the jump
    sure = np.array([answer.place >= 0 for answer in answers])
    assert sure[5:40].mean() > 0.8
    assert sure[90:].mean() < 0.1  # off the route


@pytest.mark.parametrize("sequence", ["filter", "diagonal", "speeds", "none"])
def test_a_recogniser_goes_on_from_its_state(sequence):
    look = street(40)
    place_map = PlaceMap.of(GRID, look)
    one, other = Recogniser(place_map, sequence=sequence), Recogniser(place_map, sequence=sequence)
    rows = drive(look)
    for number in range(10):
        one.push(rows[number], t=number)
    other.restore(one.state())
    for number in range(10, 20):
        mine, theirs = one.push(rows[number], t=number), other.push(rows[number], t=number)
        assert (mine.place, mine.score, list(mine.alternatives)) == (
            theirs.place,
            theirs.score,
            list(theirs.alternatives),
        )


def test_while_nothing_moves_the_last_answer_is_held():
    look = street(40)
    recogniser = Recogniser(PlaceMap.of(GRID, look))
    rows = drive(look)
    for number in range(10):
        last = recogniser.push(rows[number], t=number)
    for count, vector in ((0, np.zeros(36)), (1296, np.random.default_rng(1).poisson(36, 36) / 36)):
        vector = vector.astype(np.float32)
        held = recogniser.push(vector, t=99, count=count and round(vector.sum() * 36))
        assert held.held
        assert (held.t, held.place, held.score) == (99, last.place, last.score)


def test_noise_alone_says_nothing_and_a_scene_does():
    rng = np.random.default_rng(8)
    noise, scene = rng.poisson(200, 100), rng.poisson(rng.gamma(2, 100, 100))
    assert says_nothing((noise / 64).astype(np.float32), 6400, int(noise.sum()))
    assert not says_nothing((scene / 64).astype(np.float32), 6400, int(scene.sum()))


def test_a_map_survives_its_file_and_grows(tmp_path):
    rows = drive(street(9))
    poses = np.random.default_rng(1).normal(size=(9, 7))
    place_map = PlaceMap.of(GRID, rows, times=np.arange(9) * 250, poses=poses)
    again = load_map(save_map(place_map, tmp_path / "a.h5"))
    for name in ("descriptors", "places", "routes", "times", "poses"):
        assert np.array_equal(getattr(again, name), getattr(place_map, name))
    assert again.settings == GRID
    save_map(again, tmp_path / "b.h5")
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    both = place_map.joined(again.renumbered(100))
    assert len(both) == 18
    assert list(np.unique(both.routes)) == [0, 1]
    other = PlaceMap.of(DescriptorSettings(width=36, height=36, grids=((6, 6),), source="100 ms"), rows)
    with pytest.raises(ParameterError, match="source is"):
        place_map.joined(other)


def test_every_damaged_map_is_refused_in_one_sentence(tmp_path):
    path = save_map(PlaceMap.of(GRID, drive(street(9))), tmp_path / "a.h5")
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for number in range(60):
        data = bytearray(whole)
        if number % 2:
            data = data[: rng.integers(0, len(data))]
        else:
            for spot in rng.integers(0, len(data), 40):
                data[spot] = rng.integers(0, 256)
        path.write_bytes(data)
        with contextlib.suppress(RecordingError):  # nothing else may come out
            found = load_map(path)
            assert found.descriptors.shape == (len(found), 36)
    path.write_bytes(whole)
    for name, value in (("version", 99), ("format", "other"), ("settings", "{}")):
        path.write_bytes(whole)
        with h5py.File(path, "a") as file:
            file.attrs[name] = value
        with pytest.raises(RecordingError):
            load_map(path)
    with pytest.raises(RecordingError, match="no such map"):
        load_map(tmp_path / "none.h5")


def test_what_cannot_be_learned_or_asked_is_refused():
    look = street(9)
    with pytest.raises(ParameterError, match="not finite"):
        PlaceMap.of(GRID, np.full((3, 36), np.nan, np.float32))
    with pytest.raises(ParameterError, match="no place"):
        Recogniser(PlaceMap.of(GRID, look[:0]))
    recogniser = Recogniser(PlaceMap.of(GRID, look))
    with pytest.raises(ParameterError, match="expected 36 finite"):
        recogniser.push(np.zeros(35, np.float32), t=0)
    with pytest.raises(ParameterError, match="expected \\(n, d\\)"):
        L1Matcher().learn(look, np.arange(3))
