"""`${param}` in the values of a graph file: no expressions, no code."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from eventflow.graph.node import did_you_mean
from eventflow.graph.yaml12 import MISSING

if TYPE_CHECKING:
    from eventflow.graph.yaml12 import Problems, Value

_PLACEHOLDER = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")


class Substitution:
    """Puts the values of a graph's params where `${name}` stands; `$${` is a plain `${`.

    A value that is nothing but `${name}` takes the param's type; inside a longer text its text is put in.
    """

    def __init__(self, params: dict[str, Value], problems: Problems) -> None:
        self._params = params
        self._problems = problems

    def __call__(self, value: Value) -> Value:
        """Return the value with every placeholder in it replaced."""
        content = value.content
        if isinstance(content, dict):
            return replace(value, content={key: self(each) for key, each in content.items()})
        if isinstance(content, list):
            return replace(value, content=[self(each) for each in content])
        if not isinstance(content, str) or "${" not in content:
            return value
        whole = _PLACEHOLDER.fullmatch(content)
        if whole and whole[1] is not None:
            found = self._found(whole[1], value)
            if found is None:
                return replace(value, content=MISSING)
            return replace(found, where=value.where, key_where=value.key_where)
        texts = [self._text(match, value) for match in _PLACEHOLDER.finditer(content)]
        if None in texts:
            return replace(value, content=MISSING)
        return replace(value, content=_PLACEHOLDER.sub(lambda _: str(texts.pop(0)), content))

    def _found(self, name: str, value: Value) -> Value | None:
        found = self._params.get(name.strip())
        if found is None:
            text = f"${{{name}}}: unknown param {name.strip()!r}" + did_you_mean(name, self._params)
            self._problems.add(value.where, text)
        return found

    def _text(self, match: re.Match[str], value: Value) -> str | None:
        if match[0] == "$${":
            return "${"
        if match[1] is None:
            self._problems.add(
                value.where, f"{value.content!r}: `${{` without `}}`; write `$${{` for the signs themselves"
            )
            return None
        found = self._found(match[1], value)
        if found is None or found.content is MISSING:
            return None
        if isinstance(found.content, (list, dict)):
            self._problems.add(value.where, f"${{{match[1]}}} is {found.kind}, which cannot stand inside a text")
            return None
        return text_from_scalar(found.content)


def text_from_scalar(content: Any) -> str:
    """Return a scalar as a user would write it."""
    if content is None:
        return "null"
    return str(content).lower() if isinstance(content, bool) else str(content)
