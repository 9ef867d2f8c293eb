"""The node `synth` is ef.synth, port by port."""

from __future__ import annotations

import numpy as np
import pytest

import eventflow as ef
from eventflow.errors import ParameterError
from eventflow.events import Events
from eventflow.messages import Flow, Label, Place, Tracks
from eventflow_nodes.sources.synth import Synth


def run(**parameters):
    node = Synth(**({"duration": "30ms", "width": 64, "height": 48} | parameters))
    info = node.start()
    return info, list(node.run())


def test_events_are_those_of_the_library():
    info, messages = run(seed=3, noise=5.0)
    events = Events.concat([message.events for message in messages if message.events is not None])
    expected = ef.synth.render("crossing", seed=3, noise=5.0, duration=30_000, width=64, height=48)
    assert events.records.tobytes() == expected.records.tobytes()
    np.testing.assert_array_equal(events.labels, expected.labels)
    assert (info.width, info.height, info.t_start, info.t_end) == (64, 48, 0, 30_000)


@pytest.mark.parametrize(
    ("scene", "port", "kind"),
    [("crossing", "truth", Tracks), ("pan", "flow", Flow), ("drive", "place", Place), ("digit", "label", Label)],
)
def test_each_kind_of_truth_has_its_port(scene, port, kind):
    _, messages = run(scene=scene, truth_every="10ms")
    found = [getattr(message, port) for message in messages if getattr(message, port) is not None]
    assert [message.t for message in found] == [0, 10_000, 20_000, 30_000]
    assert {type(message) for message in found} == {kind}
    others = {"truth", "flow", "place"} - {port}
    assert all(getattr(message, other) is None for message in messages for other in others)


def test_every_parameter_is_described():
    for parameter in Synth.declaration.parameters.values():
        if parameter.name not in ("packet_events", "packet_time"):
            assert parameter.doc, parameter.name


def test_parameters_of_another_scene_are_refused_before_the_first_packet():
    with pytest.raises(ParameterError, match="'still' has no parameter 'speed'"):
        run(scene="still", speed=5.0)
    with pytest.raises(ParameterError, match="Did you mean 'crossing'"):
        run(scene="crosing")


def test_scene_parameters_reach_the_scene():
    _, messages = run(scene="shapes", count=2, size=9.0, speed=10.0)
    assert len(next(message.truth for message in messages if message.truth is not None)) == 2
