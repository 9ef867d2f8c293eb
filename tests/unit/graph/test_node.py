"""The node contract: what a class declares, and how a wrong declaration fails."""

from typing import Annotated, Literal, NamedTuple

import pytest

from eventflow import Duration, Events, Grid, Live, Node, Range, Size, Slice, Source, StreamInfo, Tracks, Watermark, ms
from eventflow.errors import NodeDeclarationError, ParameterError
from eventflow.graph.parameters import parameter_from_annotation


class Both(NamedTuple):
    events: Events | None = None
    tracks: Tracks | None = None


class Everything(Node):
    """Take all kinds of parameters.

    Args:
        window: how long
            it looks back.
        k: how many.
    """

    need: str
    window: Duration = ms(5)
    k: Annotated[int, Range(1, 8), Live()] = 2
    rule: Literal["kept", "all"] = "kept"
    room: Size = 1000
    gain: float | None = None
    names: list[str] = ["a"]  # noqa: RUF012 - a parameter's default is copied for each node
    on: bool = False
    _hidden: int = 3

    def events(self, events: Events) -> Both:
        """Events in."""
        return Both(events)

    def slices(self, slices: Slice | Grid) -> None:
        """Anything sliced."""


def test_parameters_come_from_annotations():
    found = Everything.declaration.parameters
    assert list(found) == ["need", "window", "k", "rule", "room", "gain", "names", "on"]
    assert found["need"].required
    assert found["window"].doc == "how long it looks back."
    assert found["k"].live
    assert not found["window"].live


def test_ports_come_from_methods():
    declared = Everything.declaration
    assert {name: port.types for name, port in declared.inputs.items()} == {
        "events": (Events,),
        "slices": (Slice, Grid),
    }
    assert {name: port.types for name, port in declared.outputs.items()} == {"events": (Events,), "tracks": (Tracks,)}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"window": "3ms"}, 3000),
        ({"window": 250}, 250),
        ({"k": "7"}, 7),
        ({"rule": "all"}, "all"),
        ({"room": "2kB"}, 2000),
        ({"gain": "1.5"}, 1.5),
        ({"gain": None}, None),
        ({"names": "x, y"}, ["x", "y"]),
        ({"on": "true"}, True),
    ],
)
def test_values_are_parsed_by_type(given, expected):
    (name,) = given
    assert getattr(Everything(need="x", **given), name) == expected


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "needs the parameter 'need'"),
        ({"need": "x", "windw": 1}, "Did you mean 'window'"),
        ({"need": "x", "window": 5.5}, "no unit"),
        ({"need": "x", "window": "3 parsec"}, "unknown unit"),
        ({"need": "x", "k": 9}, "1 to 8"),
        ({"need": "x", "k": True}, "whole number"),
        ({"need": "x", "rule": "kep"}, "Did you mean 'kept'"),
        ({"need": "x", "on": 1}, "true or false"),
        ({"need": "x", "gain": float("nan")}, "not a number"),
        ({"need": None}, "null is not allowed"),
        ({"need": "x", "names": 5}, "a list of"),
    ],
)
def test_wrong_values_say_what_is_allowed(given, words):
    with pytest.raises(ParameterError, match=words):
        Everything(**given)


def test_a_default_is_not_shared_between_nodes():
    first, second = Everything(need="a"), Everything(need="b")
    first.names.append("c")
    assert second.names == ["a"]


def test_a_value_survives_the_way_through_json():
    for parameter in Everything.declaration.parameters.values():
        if not parameter.required:
            assert parameter.parse(parameter.plain(parameter.default)) == parameter.default
            assert parameter.parse(parameter.text(parameter.default)) == parameter.default or parameter.base is list


def test_state_is_a_copy_of_what_is_hidden():
    node = Everything(need="x")
    node._count = [1, 2]
    saved = node.state()
    node._count.append(3)
    node.restore(saved)
    assert node._count == [1, 2]


def test_a_source_lists_its_own_parameters_first():
    class Camera(Source):
        """See."""

        path: str

        def start(self) -> StreamInfo:
            """Start."""
            return StreamInfo()

        def run(self) -> "list[Events | Watermark]":
            """Run."""
            return []

    assert list(Camera.declaration.parameters) == ["path", "packet_events", "packet_time"]
    assert list(Camera.declaration.outputs) == ["events"]


def make(**members):
    members.setdefault("__doc__", "A node.")
    return type("Wrong", (Node,), {"__module__": __name__, **members})


def test_a_public_helper_is_named_with_the_remedy():
    def helper(self, count: int) -> None:
        """Help."""

    with pytest.raises(NodeDeclarationError, match="let the name begin with _"):
        make(helper=helper)


def test_a_port_without_a_return_type_is_refused():
    def events(self, events: Events):
        """Work."""

    with pytest.raises(NodeDeclarationError, match="-> None for a sink"):
        make(events=events)


def test_a_return_type_that_is_no_message_is_refused():
    def events(self, events: Events) -> int:
        """Work."""

    with pytest.raises(NodeDeclarationError, match="expected a message type"):
        make(events=events)


def test_a_node_without_inputs_is_refused():
    with pytest.raises(NodeDeclarationError, match="no input port"):
        make()


@pytest.mark.parametrize("annotation", [dict, bytes, "list", int | str, list])
def test_a_parameter_that_yaml_cannot_hold_is_refused(annotation):
    with pytest.raises(NodeDeclarationError, match="a graph file can hold"):
        parameter_from_annotation("x", annotation)


def test_a_default_outside_its_own_range_is_refused():
    with pytest.raises(NodeDeclarationError, match="out of range"):
        parameter_from_annotation("x", Annotated[int, Range(1, 3)], 9)
