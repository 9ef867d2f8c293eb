"""YAML as graph files use it."""

from __future__ import annotations

import math
import re

import pytest

from eventflow.errors import GraphError
from eventflow.graph.yaml12 import Problems, value_from_yaml


def read(text: str | bytes) -> object:
    problems = Problems()
    value = value_from_yaml(text.encode() if isinstance(text, str) else text, "g.yaml", problems)
    problems.raise_if_any()
    return value.bare()


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("on", "on"), ("off", "off"), ("yes", "yes"), ("No", "No"), ("y", "y"),
        ("true", True), ("False", False), ("TRUE", True), ("tRUE", "tRUE"),
        ("012", 12), ("-7", -7), ("+7", 7), ("0o14", 12), ("0x1F", 31), ("1_000", "1_000"), ("190:20:30", "190:20:30"),
        ("1e3", 1000.0), (".5", 0.5), ("1.", 1.0), ("-.inf", -math.inf), ("1e", "1e"), (".", "."),
        ("2024-01-01", "2024-01-01"), ("2024-01-01 10:00:00", "2024-01-01 10:00:00"),
        ("~", None), ("null", None), ("", None), ("'012'", "012"), ('"true"', "true"), ("10ms", "10ms"), ("<<", "<<"),
    ],
)  # fmt: skip
def test_scalars_are_those_of_yaml_1_2(text: str, meaning: object):
    found = read(f"key: {text}")
    assert found == {"key": meaning}
    assert type(found["key"]) is type(meaning)


def test_nan_is_a_number():
    assert math.isnan(read("[.nan]")[0])


def test_aliases_stand_for_what_they_name():
    assert read("a: &x {n: 1}\nb: *x\nc: [*x, *x]") == {"a": {"n": 1}, "b": {"n": 1}, "c": [{"n": 1}, {"n": 1}]}


def test_places_are_kept():
    value = value_from_yaml(b"\xef\xbb\xbfa: 1\nbb:\n  - {c: 'x y'}\n", "g.yaml", Problems())
    inner = value.content["bb"].content[0].content["c"]
    assert str(value.content["bb"].key_where) == "g.yaml:2:1"
    assert (str(inner.key_where), str(inner.where)) == ("g.yaml:3:6", "g.yaml:3:9")


LAUGHS = "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\na: 2", "g.yaml:2:1: key 'a' comes twice; first at line 1"),
        ("a: [1, 2", "g.yaml:1:9: not YAML"),
        ("a: {b: 1\nc: 2}", "g.yaml:2:2: not YAML"),
        ("\ta: 1", "g.yaml:1:1: not YAML"),
        ("a: !!python/object/apply:os.system [ls]", "tags are not allowed"),
        ("a: !!str 5", "tags are not allowed"),
        ("a: 1\n---\nb: 2", "g.yaml:2:1: a second document"),
        ("a: *b", "g.yaml:1:4: alias *b has no finished anchor"),
        ("a: &a [*a]", "alias *a has no finished anchor"),
        ("[" * 100_000, "nested more than"),
        ("a: " + "{b: " * 50 + "}" * 50, "nested more than"),
        (LAUGHS, "more than 50000 values"),
        ("? [a, b]\n: 1", "a key is a plain text"),
        (b"a: \xff\n", "g.yaml:1:4: byte 0xff is not UTF-8"),
        (b"a: 1\nb: \x00\n", "not YAML"),
        (b"\x7fELF\x02\x01\x01\x00", "not YAML"),
        (b"a" * (1 << 20) + b"b", "a graph file has at most"),
    ],
)
def test_what_is_refused(text: str | bytes, problem: str):
    with pytest.raises(GraphError, match=re.escape(problem)):
        read(text)


def test_a_syntax_error_shows_the_line_with_a_caret():
    with pytest.raises(GraphError) as caught:
        read("nodes:\n  a: {use: baf\nflow: []\n")
    assert "flow: []" in caught.value.problems[0]
    assert "^" in caught.value.problems[0]
