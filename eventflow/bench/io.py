"""Recordings: decoded and encoded in every format, and trees of them converted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventflow.bench import decode, encode, trees

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventflow.bench.model import Row
    from eventflow.bench.suite import Bench


def rows(bench: Bench) -> Iterator[Row]:
    """Yield the rows of all three."""
    yield from decode.rows(bench)
    yield from encode.rows(bench)
    yield from trees.rows(bench)
