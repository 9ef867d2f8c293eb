"""A node's parameters, read from the annotations of its class: validated, in the schema, settable from anywhere.

`window: Duration = ms(5)` is everything a node author writes. From it come the check of the graph file, the JSON
schema, `--set`, the help and the documentation.
"""

from __future__ import annotations

import math
import types
import typing
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Union

from eventflow.errors import NodeDeclarationError, ParameterError, UnitError
from eventflow.units import Unit, duration_from_text, size_from_text, text_from_duration, text_from_size

REQUIRED: Any = type("Required", (), {"__repr__": lambda self: "REQUIRED"})()


@dataclass(frozen=True)
class Range:
    """Bounds of a number, both included: `Annotated[int, Range(1, 8)]`. None is no bound."""

    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        if self.low is None:
            return f"at most {self.high}"
        return f"at least {self.low}" if self.high is None else f"{self.low} to {self.high}"


@dataclass(frozen=True)
class Live:
    """Marks a parameter that may change between packets while the graph runs."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a node.

    Attributes:
        name: as a user writes it.
        base: bool, int, float, str, Path, or list.
        default: the value where none is given; REQUIRED if one must be.
        unit: "duration" (int µs), "size" (int bytes) or "".
        choices: the allowed values, or () for any.
        bounds: the allowed range of a number.
        optional: whether null is allowed.
        live: whether it may change while the graph runs.
        item: what a list holds.
        doc: one line for people.
    """

    name: str
    base: type
    default: Any = REQUIRED
    unit: str = ""
    choices: tuple[Any, ...] = ()
    bounds: Range | None = None
    optional: bool = False
    live: bool = False
    item: Parameter | None = None
    doc: str = ""

    @property
    def required(self) -> bool:
        """Whether a value must be given."""
        return self.default is REQUIRED

    def parse(self, value: Any) -> Any:
        """Return the value of the parameter's type from what YAML, JSON, a command line or Python gives.

        Raises:
            ParameterError: the value is not allowed; the message says what is.
        """
        if value is None or (self.optional and value == "null"):
            if self.optional:
                return None
            raise ParameterError(f"{self.name}: null is not allowed; expected {self.describe()}")
        parsed = self._parsed(value)
        if self.choices and parsed not in self.choices:
            near = get_close_matches(str(parsed), [str(choice) for choice in self.choices], 1)
            raise ParameterError(
                f"{self.name}: {parsed!r} is not allowed; expected {self.describe()}"
                + (f". Did you mean {near[0]!r}?" if near else "")
            )
        if self.bounds is not None:
            low, high = self.bounds.low, self.bounds.high
            if (low is not None and parsed < low) or (high is not None and parsed > high):
                raise ParameterError(f"{self.name}: {self.text(parsed)} is out of range; expected {self.describe()}")
        return parsed

    def _parsed(self, value: Any) -> Any:
        try:
            if self.unit and isinstance(value, str):
                return duration_from_text(value) if self.unit == "duration" else size_from_text(value)
        except UnitError as error:
            raise ParameterError(f"{self.name}: {error}") from None
        if self.item is not None:
            values = value.split(",") if isinstance(value, str) else value
            if not isinstance(values, (list, tuple)):
                raise self._wrong_type(value)
            return [self.item.parse(entry.strip() if isinstance(entry, str) else entry) for entry in values]
        if self.base is Path and isinstance(value, (str, Path)):
            return Path(value)
        if self.base is str:
            # a Literal may hold words only; a number written without quotes is still the text the user meant
            if isinstance(value, (str, int, float)) and not isinstance(value, bool):
                return str(value)
        elif self.base is bool:
            if isinstance(value, bool):
                return value
            if value in ("true", "false"):
                return value == "true"
        elif self.base in (int, float) and not isinstance(value, bool):
            return self._number(value)
        raise self._wrong_type(value)

    def _number(self, value: Any) -> int | float:
        if self.unit and value != 0:
            example = "10ms" if self.unit == "duration" else "16MB"
            if not isinstance(value, int):
                raise ParameterError(f"{self.name}: {value!r} has no unit; write a {self.unit} such as {example}")
            return value
        try:
            number = float(value) if self.base is float else int(str(value))
        except (TypeError, ValueError):
            raise self._wrong_type(value) from None
        if isinstance(number, float) and math.isnan(number):
            raise ParameterError(f"{self.name}: not a number; expected {self.describe()}")
        return number

    def _wrong_type(self, value: Any) -> ParameterError:
        return ParameterError(
            f"{self.name}: {value!r} ({type(value).__name__}) is not allowed; expected {self.describe()}"
        )

    def describe(self) -> str:
        """Return what is allowed, in words."""
        if self.choices:
            words = "one of " + ", ".join(str(choice) for choice in self.choices)
        elif self.item is not None:
            words = f"a list of {self.item.describe()}"
        elif self.unit:
            words = "a duration such as 10ms" if self.unit == "duration" else "a size such as 16MB"
        else:
            names = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", Path: "a path"}
            words = names[self.base]
        if self.bounds is not None:
            low, high = (None if b is None else self.text(b) for b in (self.bounds.low, self.bounds.high))
            words += f", {Range(low, high)}"  # type: ignore[arg-type]
        return words + (" or null" if self.optional else "")

    def text(self, value: Any) -> str:
        """Return the value as a user would write it in a graph file."""
        if value is None:
            return "null"
        if self.unit:
            return text_from_duration(int(value)) if self.unit == "duration" else text_from_size(int(value))
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, list) and self.item is not None:
            return "[" + ", ".join(self.item.text(entry) for entry in value) + "]"
        return str(value)

    def plain(self, value: Any) -> Any:
        """Return the value as JSON holds it; `parse` reads it back."""
        if isinstance(value, Path):
            return str(value)
        return [self.plain(entry) for entry in value] if isinstance(value, list) else value

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the value in a graph file. A `${param}` is allowed anywhere."""
        placeholder = {"type": "string", "pattern": r"\$\{[^}]+\}"}
        kinds: list[dict[str, Any]] = [self._schema(), placeholder]
        if self.optional:
            kinds.append({"type": "null"})
        schema: dict[str, Any] = {"anyOf": kinds}
        if self.doc:
            schema["description"] = self.doc
        if not self.required:
            schema["default"] = self.text(self.default) if self.unit else self.plain(self.default)
        return schema

    def _schema(self) -> dict[str, Any]:
        if self.choices:
            return {"enum": list(self.choices)}
        if self.item is not None:
            return {"type": "array", "items": self.item._schema()}
        if self.unit:
            units = "us|µs|ms|s|min|h" if self.unit == "duration" else "B|kB|KB|MB|GB|KiB|MiB|GiB"
            return {"anyOf": [{"type": "string", "pattern": rf"^[0-9.]+\s*({units})$"}, {"const": 0}]}
        names = {bool: "boolean", int: "integer", float: "number", Path: "string"}
        if self.base is str:
            return {"type": ["string", "number"]}
        schema: dict[str, Any] = {"type": names[self.base]}
        if self.bounds is not None:
            limits = {"minimum": self.bounds.low, "maximum": self.bounds.high}
            schema |= {name: limit for name, limit in limits.items() if limit is not None}
        return schema


def parameter_from_annotation(name: str, annotation: Any, default: Any = REQUIRED, doc: str = "") -> Parameter:
    """Return the Parameter that an annotation such as `Annotated[int, Range(1, 8)]` declares.

    Raises:
        NodeDeclarationError: the type cannot be written in a graph file.
    """
    unit, bounds, live, optional = "", None, False, False
    choices: tuple[Any, ...] = ()
    kind = annotation
    while True:
        origin = typing.get_origin(kind)
        if origin is Annotated:
            kind, *marks = typing.get_args(kind)
            for mark in marks:
                if isinstance(mark, Unit):
                    unit = mark.name
                elif isinstance(mark, Range):
                    bounds = mark
                elif isinstance(mark, Live):
                    live = True
        elif origin in (Union, types.UnionType):
            kinds = [each for each in typing.get_args(kind) if each is not type(None)]
            if len(kinds) != 1:
                raise _undeclarable(name, annotation)
            optional, kind = True, kinds[0]
        else:
            break
    item = None
    if typing.get_origin(kind) is Literal:
        choices = typing.get_args(kind)
        kind = type(choices[0])
    elif typing.get_origin(kind) in (list, tuple):
        item = parameter_from_annotation(name, typing.get_args(kind)[0])
        kind = list
    if kind not in (bool, int, float, str, Path, list) or (kind is list and item is None):
        raise _undeclarable(name, annotation)
    found = Parameter(name, kind, REQUIRED, unit, choices, bounds, optional, live, item, doc)
    if default is REQUIRED:
        return found
    try:
        value = found.parse(default)
    except ParameterError as error:
        raise NodeDeclarationError(f"the default of parameter {error}") from None
    return Parameter(name, kind, value, unit, choices, bounds, optional, live, item, doc)


def _undeclarable(name: str, annotation: Any) -> NodeDeclarationError:
    return NodeDeclarationError(
        f"parameter {name!r} has type {annotation!r}; a graph file can hold bool, int, float, str, Path, Duration, "
        "Size, Literal[...], list[...] of these, or any of them with `| None`. For state, let the name begin with _"
    )
