"""YAML as graph files use it: YAML 1.2 core scalars, no tags, no code, and the line and column of every value.

`on` is a name, `012` is twelve, `2024-01-01` is text. A file is limited in size, depth and number of values, aliases
counted as what they stand for; a key that comes twice is a problem.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import yaml

from eventflow.errors import GraphError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MAX_BYTES = 1 << 20
MAX_DEPTH = 20
MAX_VALUES = 50_000

MISSING: Any = type("Missing", (), {"__repr__": lambda self: "MISSING"})()
"""Stands for a param that was not given, after that has been noted."""

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]{1,400}")
_BASED = re.compile(r"0o[0-7]{1,400}|0x[0-9a-fA-F]{1,400}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"([-+]?)\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


@dataclass(frozen=True, slots=True)
class Where:
    """A place: a file with line and column counted from 1, or (line 0) words such as `--set bins=3`."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file

    def shifted(self, columns: int) -> Where:
        """Return the place so many columns to the right."""
        return replace(self, column=self.column + columns) if self.line else self


@dataclass(frozen=True, slots=True)
class Value:
    """A scalar, a `list[Value]` or a `dict[str, Value]`, with its place and that of the key it belongs to.

    `raw` is a scalar's text, for names: `use: null` names the node `null`. `plain_style` is whether a text stands in
    the file without quotes on one line, so that its columns can be counted; `from_python` whether a caller gave it, in
    whose code a duration is a number of µs.
    """

    content: Any
    where: Where
    key_where: Where
    plain_style: bool = False
    raw: str = ""
    from_python: bool = False

    def bare(self) -> Any:
        """Return the content without places."""
        if isinstance(self.content, dict):
            return {key: value.bare() for key, value in self.content.items()}
        return [value.bare() for value in self.content] if isinstance(self.content, list) else self.content

    @property
    def kind(self) -> str:
        """What it is, in words."""
        names = {dict: "a mapping", list: "a list", str: "a text", bool: "true or false", type(None): "empty"}
        return names.get(type(self.content), "a number")


@dataclass
class Problems:
    """The problems found so far; all of a graph are reported at once."""

    found: list[tuple[Where, str]] = field(default_factory=list)

    def add(self, where: Where, text: str) -> None:
        """Note a problem at a place; the same one is kept once."""
        if (where, text) not in self.found:
            self.found.append((where, text))

    def raise_if_any(self) -> None:
        """Raise a GraphError of all problems, file by file in order of place, settings last."""
        files = list(dict.fromkeys(where.file for where, _ in self.found))

        def place(problem: tuple[Where, str]) -> tuple[bool, int, int, int]:
            where = problem[0]
            return where.line == 0, files.index(where.file), where.line, where.column

        ordered = sorted(self.found, key=place)
        if ordered:
            raise GraphError([f"{where}: {text}" for where, text in ordered])


def scalar_from_text(text: str) -> Any:
    """Return what a scalar without quotes means by the YAML 1.2 core schema."""
    if text in _NULLS:
        return None
    if text in _BOOLS:
        return _BOOLS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    special = _SPECIAL.fullmatch(text)
    if special is None:
        return text
    return float("nan") if special[3] else float(special[1] + "inf")


def value_from_yaml(data: bytes, file: str, problems: Problems) -> Value:
    """Return the one document of a YAML file.

    Raises:
        GraphError: it is no YAML, or beyond a limit.
    """
    if len(data) > MAX_BYTES:
        raise GraphError([f"{file}: {len(data)} bytes; a graph file has at most {MAX_BYTES}"])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise GraphError([f"{file}:{line}:{column}: byte {data[error.start]:#04x} is not UTF-8"]) from None
    try:
        return _Composer(yaml.parse(text, yaml.SafeLoader), file, problems).document()
    except yaml.MarkedYAMLError as error:
        raise GraphError([_syntax_problem(error, file)]) from None
    except yaml.YAMLError as error:
        raise GraphError([f"{file}: not YAML: {' '.join(str(error).split())}"]) from None


def _syntax_problem(error: yaml.MarkedYAMLError, file: str) -> str:
    mark: Any = error.problem_mark or error.context_mark
    text = ", ".join(part for part in (error.context, error.problem) if part)
    if mark is None:
        return f"{file}: not YAML: {text}"
    snippet = mark.get_snippet(indent=4) or ""
    return f"{file}:{mark.line + 1}:{mark.column + 1}: not YAML: {text}" + (f"\n{snippet}" if snippet else "")


class _Composer:
    """Builds Values from the parser's events; anchors are kept as Values and may be used again."""

    def __init__(self, events: Iterator[Any], file: str, problems: Problems) -> None:
        self._events = events
        self._file = file
        self._problems = problems
        self._anchors: dict[str, tuple[Value, int]] = {}
        self._count = 0

    def document(self) -> Value:
        nothing = Where(self._file, 1, 1)
        document = Value(None, nothing, nothing)
        number = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                number += 1
                if number > 1:
                    self._fail(event, "a second document begins here; a graph file has one")
                document = self._value(next(self._events), None, 0)
        return document

    def _value(self, event: Any, key_where: Where | None, depth: int) -> Value:
        where = self._where(event)
        key_where = key_where or where
        if depth > MAX_DEPTH:
            self._fail(event, f"nested more than {MAX_DEPTH} deep")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, key_where)
        if event.tag is not None:
            self._problems.add(where, f"tag {event.tag!r}: tags are not allowed; write the plain value")
        before = self._count
        self._grow(event, 1)
        plain_style, raw = False, ""
        content: Any
        if isinstance(event, yaml.ScalarEvent):
            one_line = self._where(event).line == self._where(event, end=True).line
            plain_style, raw = event.style is None and one_line, event.value
            content = scalar_from_text(event.value) if event.style is None else event.value
        elif isinstance(event, yaml.SequenceStartEvent):
            content = list(self._items(depth + 1))
        else:
            content = self._entries(depth + 1)
        value = Value(content, where, key_where, plain_style, raw)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, self._count - before)
        return value

    def _items(self, depth: int) -> Iterator[Value]:
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            yield self._value(event, None, depth)

    def _entries(self, depth: int) -> dict[str, Value]:
        entries: dict[str, Value] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key, where = self._key(event), self._where(event)
            value = self._value(next(self._events), where, depth)
            if key in entries:
                self._problems.add(where, f"key {key!r} comes twice; first at line {entries[key].key_where.line}")
            else:
                entries[key] = value
        return entries

    def _key(self, event: Any) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            self._fail(event, "a key is a plain text")
        return str(event.value)

    def _alias(self, event: Any, key_where: Where) -> Value:
        if event.anchor not in self._anchors:
            self._fail(event, f"alias *{event.anchor} has no finished anchor &{event.anchor} before it")
        value, count = self._anchors[event.anchor]
        self._grow(event, count)
        return replace(value, key_where=key_where)

    def _grow(self, event: Any, count: int) -> None:
        self._count += count
        if self._count > MAX_VALUES:
            self._fail(event, f"more than {MAX_VALUES} values, aliases counted as what they stand for")

    def _where(self, event: Any, *, end: bool = False) -> Where:
        mark = event.end_mark if end else event.start_mark
        return Where(self._file, mark.line + 1, mark.column + 1)

    def _fail(self, event: Any, text: str) -> None:
        raise GraphError([f"{self._where(event)}: {text}"])


def value_from_python(content: Any, path: str) -> Value:
    """Return a Value of what a caller in Python gave; its place is a path such as `nodes.clean.window`."""
    where = Where(path)
    if hasattr(content, "items"):
        entries: Mapping[Any, Any] = content
        inner: Any = {str(key): value_from_python(each, f"{path}.{key}") for key, each in entries.items()}
    elif isinstance(content, (list, tuple)):
        items: Sequence[Any] = content
        inner = [value_from_python(each, f"{path}[{number}]") for number, each in enumerate(items)]
    else:
        inner = content
    return Value(inner, where, where, from_python=True)
