"""Scenes: drawn right, true to their truth, refused with a hint where they do not exist."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

import eventflow as ef
from eventflow.errors import ParameterError
from eventflow.messages import Flow, Label, Place, Tracks
from eventflow.synth import paths
from eventflow.synth.pan import Pan
from eventflow.synth.scenes import scene_class, scenes
from eventflow.synth.shapes import Crossing, Occlusion, Shapes

SMALL = {"width": 64, "height": 48, "duration": 100_000}
TRUTH = {
    "crossing": Tracks,
    "digit": Label,
    "drive": Place,
    "moving": Tracks,
    "occlusion": Tracks,
    "pan": Flow,
    "shapes": Tracks,
}


def make(name, **changes):
    return scene_class(name)(**({"width": 64, "height": 48, "seed": 1} | changes))


@pytest.mark.parametrize("name", sorted(scenes()))
def test_every_scene_gives_labelled_events_in_order_and_in_range(name):
    events = ef.synth.render(name, seed=2, **SMALL)
    assert events.ordered
    assert (np.diff(events.t) >= 0).all()
    assert events.t[0] >= 0
    assert events.t[-1] < 100_000
    assert events.x.max() < 64
    assert events.y.max() < 48
    assert set(events.labels) <= {1, 2}
    assert (events.labels == 1).any() == (name != "still")
    assert (events.labels == 2).any()


@pytest.mark.parametrize("name", sorted(scenes()))
def test_every_scene_says_what_it_is(name):
    info = scenes()[name]
    assert info.doc.endswith(".")
    text = scene_class(name).__doc__ + "".join(base.__doc__ or "" for base in scene_class(name).__mro__)
    assert all(f"{parameter}: " in text for parameter in info.parameters)


@pytest.mark.parametrize(("name", "kind"), TRUTH.items())
def test_truth_comes_at_a_fixed_rate(name, kind):
    messages = ef.synth.truth(name, truth_every=10_000, **SMALL)
    assert [message.t for message in messages] == list(range(0, 100_001, 10_000))
    assert {type(message) for message in messages} == {kind}


def test_a_still_scene_has_truth_without_rows():
    assert {len(message) for message in ef.synth.truth("still", **SMALL)} == {0}


@pytest.mark.parametrize(
    ("scene", "given", "hint"),
    [
        ("crosing", {}, "Did you mean 'crossing'"),
        ("nothing-like-it", {}, "Known: crossing"),
        ("crossing", {"sped": 3.0}, "Did you mean 'speed'"),
        ("crossing", {"threshhold_on": 3.0}, "Did you mean 'threshold_on'"),
        ("still", {"speed": 3.0}, "no parameter 'speed'"),
        ("crossing", {"width": 0}, "width"),
        ("crossing", {"height": 100_000}, "height"),
        ("crossing", {"size": -1.0}, "size"),
        ("shapes", {"count": -1}, "count"),
        ("pan", {"grid": 0}, "grid"),
        ("digit", {"digit": 10}, "digit is 10"),
        ("digit", {"crooked": -0.1}, "crooked"),
        ("drive", {"places": 0}, "places"),
        ("drive", {"places": 10_000}, "places"),
        ("crossing", {"step": 0}, "step"),
        ("crossing", {"truth_every": 0}, "truth_every"),
        ("crossing", {"duration": -1}, "duration"),
        ("crossing", {"noise": -1.0}, "noise"),
        ("crossing", {"step": 2_000_000}, "step"),
        ("crossing", {"speed": "fast"}, "finite number"),
        ("crossing", {"speed": float("nan")}, "finite number"),
        ("crossing", {"noise": None}, "finite number"),
        ("crossing", {"lag": 0.4}, "whole number"),
        ("shapes", {"count": True}, "whole number"),
    ],
)
def test_what_does_not_exist_is_refused(scene, given, hint):
    with pytest.raises(ParameterError, match=hint):
        ef.synth.render(scene, **({"duration": 1000} | given))


def test_coordinates_are_reflected_in_closed_form():
    place, velocity = 3.0, 40.0
    for k in range(2000):
        found = paths.reflected(3.0, 40.0, 2.0, 10.0, k * 0.01)
        assert found[0] == pytest.approx(place, abs=1e-6)
        place += velocity * 0.01
        if place > 10.0:
            place, velocity = 20.0 - place, -velocity
        if place < 2.0:
            place, velocity = 4.0 - place, -velocity
    assert paths.reflected(5.0, 0.0, 2.0, 10.0, 9.0) == (5.0, 0.0)


@pytest.mark.parametrize(
    ("kind", "area"),
    [(paths.DISC, math.pi * 81), (paths.BOX, 4 * 9 * 6), (paths.TRIANGLE, 3 * math.sqrt(3) / 4 * 81)],
)
@pytest.mark.parametrize("angle", [0.0, 0.4, 2.0])
@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_coverage_adds_up_to_the_area(kind, area, angle, shift):
    shape = np.zeros(1, paths.SHAPE_DTYPE)
    shape["kind"], shape["half_w"], shape["half_h"], shape["angle"] = kind, 9.0, 6.0, angle
    shape["x"], shape["y"] = 20 + shift, 20 - shift
    pose = np.zeros(1, paths.POSE_DTYPE)
    paths.pose_at(shape, 0, pose)
    image, plain = np.zeros((41, 41), np.float32), np.zeros((41, 41), np.float32)
    shape["intensity"] = 1.0
    paths.paint(shape, pose, plain, image, np.array([0, 0, 41, 41]))
    assert image.sum() == pytest.approx(area, rel=0.012)
    y, x = np.mgrid[:41, :41]
    assert (image * x).sum() / image.sum() == pytest.approx(20 + shift, abs=0.05)
    assert (image * y).sum() / image.sum() == pytest.approx(20 - shift, abs=0.05)


@pytest.mark.parametrize("name", ["crossing", "moving", "occlusion", "shapes"])
def test_drawing_what_moved_equals_drawing_everything(name):
    scene = make(name)
    for t in (0, 1000, 90_000, 700_000, 701_000, 3_000_000):
        scene.draw(t)
        whole = scene._plain.copy()
        paths.paint(scene._shapes, scene._poses, scene._plain, whole, np.array([0, 0, 64, 48]))
        np.testing.assert_array_equal(scene.image, whole)


def test_events_lie_where_the_truth_says():
    simulation = ef.synth.Simulation("moving", seed=5, noise=0.0, leak=0.0, duration=1_500_000, truth_every=10_000)
    events = ef.synth.render("moving", seed=5, noise=0.0, leak=0.0, duration=1_500_000)
    errors = []
    for truth in simulation.truth():
        around = events.between(truth.t - 5000, truth.t + 5000)
        if len(around) > 100 and truth.mass[0] == 1.0:
            # the leading and the trailing edge are equally far from the centre
            leading = around.x[around.p == 1].mean(), around.y[around.p == 1].mean()
            trailing = around.x[around.p == 0].mean(), around.y[around.p == 0].mean()
            middle = np.add(leading, trailing) / 2
            errors.append(np.hypot(middle[0] - truth.x[0], middle[1] - truth.y[0]))
    assert len(errors) > 100
    assert np.median(errors) < 0.7


def test_velocities_of_the_truth_are_the_change_of_places():
    messages = ef.synth.truth("shapes", seed=3, duration=500_000, truth_every=1000)
    for before, after in pairwise(messages):
        same = (before.vx == after.vx) & (before.vy == after.vy)
        np.testing.assert_allclose((after.x - before.x)[same] * 1000, before.vx[same], atol=1e-6)
        np.testing.assert_allclose((after.y - before.y)[same] * 1000, before.vy[same], atol=1e-6)


def test_shapes_stay_on_the_sensor():
    for message in ef.synth.truth("shapes", seed=9, duration=5_000_000, truth_every=20_000):
        assert (message.x > 0).all()
        assert (message.x < 345).all()
        assert (message.y > 0).all()
        assert (message.y < 259).all()


def test_crossing_shapes_meet_and_change_sides():
    scene = make("crossing", width=346, height=260)
    messages = [scene.truth(t) for t in range(0, 2_000_000, 5000)]
    distance = np.array([math.hypot(m.x[0] - m.x[1], m.y[0] - m.y[1]) for m in messages])
    assert distance.min() < 2.0
    hidden = messages[int(distance.argmin())]
    assert hidden.mass[0] < 0.1
    assert hidden.mass[1] == 1.0
    assert messages[0].x[0] < messages[0].x[1]
    assert messages[-1].y[0] > messages[0].y[0] + 50


def test_a_lag_keeps_the_shapes_apart():
    scene = Crossing(width=346, height=260, seed=0, lag=400_000)
    messages = [scene.truth(t) for t in range(0, 2_000_000, 5000)]
    assert min(min(m.mass) for m in messages) > 0.9


def test_an_occluded_disc_keeps_its_row():
    scene = Occlusion(width=346, height=260, seed=0)
    shares = [scene.truth(t).mass for t in range(0, 2_000_000, 10_000)]
    assert all(len(share) == 1 for share in shares)
    assert min(shares)[0] == 0.0
    assert max(shares)[0] == 1.0
    # symmetric: half covered when its centre is at the edge of the bar
    half = [m.x[0] for m in map(scene.truth, range(0, 1_000_000, 1000)) if abs(m.mass[0] - 0.5) < 0.01]
    assert half[0] == pytest.approx(0.5 * 346 - 0.75 * 260 / 6, abs=1.5)


@pytest.mark.parametrize("spin", [0.0, 40.0])
def test_flow_is_the_motion_of_the_image(spin):
    scene = Pan(width=96, height=80, seed=3, speed=60.0, direction=75.0, spin=spin, grid=8)
    t, dt = 500_000, 2000
    frames = []
    for k in (-1, 0, 1):
        scene.draw(t + k * dt)
        frames.append(scene.image.astype(np.float64))
    change = (frames[2] - frames[0]) / (2 * dt * 1e-6)
    down, across = np.gradient(frames[1])
    flow = scene.truth(t)
    x, y = flow.x.astype(int), flow.y.astype(int)
    inside = (x > 0) & (x < 95) & (y > 0) & (y < 79)
    x, y, vx, vy = x[inside], y[inside], flow.vx[inside], flow.vy[inside]
    predicted = -(across[y, x] * vx + down[y, x] * vy)
    assert np.corrcoef(predicted, change[y, x])[0, 1] > 0.95
    assert np.polyfit(predicted, change[y, x], 1)[0] == pytest.approx(1.0, abs=0.1)


def test_turning_and_straight_views_are_one_texture():
    straight, turning = (Pan(width=40, height=30, seed=1, spin=spin) for spin in (0.0, 1e-9))
    for scene in (straight, turning):
        scene.draw(700_000)
    np.testing.assert_allclose(straight.image, turning.image, atol=1e-4)


def test_a_drive_passes_every_place_once_and_comes_round():
    simulation = ef.synth.Simulation("drive", places=6, place_px=40, speed=120.0, truth_every=10_000)
    assert simulation.duration == 2_000_000
    places = [message.place for message in simulation.truth()]
    changes = [place for before, place in zip([-1, *places], places, strict=False) if before != place]
    assert changes == [0, 1, 2, 3, 4, 5, 0]


def test_two_traverses_see_the_same_street():
    first = make("drive", seed=1, places=4, speed=100.0)
    second = make("drive", seed=2, places=4, speed=50.0, light=0.5)
    first.draw(300_000)
    second.draw(600_000)
    np.testing.assert_allclose(second.image, 0.5 * first.image, rtol=1e-5)
    other = make("drive", route=1, places=4)
    assert np.abs(other.image - make("drive", places=4).image).mean() > 0.01


def test_shapes_larger_than_the_sensor_are_drawn_all_the_same():
    scene = Shapes(width=20, height=10, seed=1, size=60.0, count=3)
    scene.draw(50_000)
    assert np.isfinite(scene.image).all()
    events = ef.synth.render("shapes", width=1, height=1, duration=200_000, count=2, size=4.0)
    assert (events.width, events.height) == (1, 1)


def test_a_route_says_where_it_is_and_is_the_same_street_again():
    first = ef.synth.truth("route", width=32, height=24, places=60, speed=10.0, seed=1, truth_every=100_000)
    positions = np.array([pose.position[0] for _, pose in first])
    assert np.allclose(np.unwrap(positions, period=60), np.arange(len(first)), atol=1e-6)
    assert [place.place for place, _ in first] == [int(at) for at in positions]
    one, other = make("route", seed=1, places=60), make("route", seed=2, places=60, contrast=0.5)
    assert np.corrcoef(one.image.ravel(), other.image.ravel())[0, 1] > 0.9
    assert one.image.std() > 1.5 * other.image.std()


def test_a_route_is_driven_within_its_speeds_jumps_and_leaves_the_street():
    options = {"width": 32, "height": 24, "places": 200, "seed": 3, "truth_every": 50_000}
    unsteady = ef.synth.truth("route", speed=5.0, unsteady=2.0, sway=0.3, **options)
    at = np.array([pose.position for _, pose in unsteady])
    speeds = np.diff(np.unwrap(at[:, 0], period=200)) / 0.05
    assert speeds.min() >= 2.4
    assert speeds.max() <= 10.1
    assert speeds.max() > 1.5 * speeds.min()
    assert 0.05 < np.abs(at[:, 1]).max() <= 0.3
    places = np.array([place.place for place, _ in ef.synth.truth("route", speed=10.0, jumps=3, away=0.25, **options)])
    assert (places == -1).mean() == pytest.approx(0.25, abs=0.02)
    moves = np.diff(np.unwrap(places[places >= 0], period=200))
    assert 1 <= (np.abs(moves) > 5).sum() <= 5


def test_a_route_repeats_a_share_of_itself():
    route = make("route", places=200, repeated=0.2)
    columns = route._houses[0].T.round(6)
    distinct = len(np.unique(columns, axis=0))
    assert 1 - distinct / len(columns) == pytest.approx(0.2, abs=0.03)
