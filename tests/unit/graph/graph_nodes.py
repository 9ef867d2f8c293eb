"""Nodes that declare much and do nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar, Literal, NamedTuple

from eventflow.events import Events
from eventflow.graph.node import Node, Source
from eventflow.graph.parameters import Live, Range
from eventflow.messages import Grid, Message, Slice, StreamInfo, Tracks
from eventflow.units import Duration, Size, ms


class Camera(Source):
    """Events from nowhere.

    Args:
        path: where from.
    """

    path: Path = Path("x.raw")

    def start(self) -> StreamInfo:
        return StreamInfo(4, 3)

    def run(self) -> Iterator[Events]:
        yield Events.empty(4, 3)


class Output(NamedTuple):
    events: Events | None = None
    truth: Tracks | None = None


class Both(Source):
    """Two outputs."""

    def start(self) -> StreamInfo:
        return StreamInfo(4, 3)

    def run(self) -> Iterator[Output]:
        yield Output()


class Baf(Node):
    """Drop noise.

    Args:
        window: how recent.
    """

    window: Annotated[Duration, Range(1, 1_000_000), Live()] = ms(5)
    k: Annotated[int, Range(1, 8)] = 1
    mode: Literal["fast", "exact"] = "fast"
    limit: Size = 1_000_000
    on: bool = False
    names: list[str] = []  # noqa: RUF012

    def events(self, events: Events) -> Events:
        return events


class Cutter(Node):
    """Cut."""

    every: Duration

    def events(self, events: Events) -> list[Slice]:
        return []


class ToGrid(Node):
    """Slice to grid."""

    def slice(self, slice: Slice) -> Grid | None:
        return None


class Pass(Node):
    """Anything goes through."""

    def message(self, message: Message) -> Message:
        return message


class Join(Node):
    """Two inputs."""

    def events(self, events: Events) -> Events:
        return events

    def tracks(self, tracks: Tracks) -> None:
        return None


class Save(Node):
    """A sink of several kinds."""

    path: Path

    def message(self, message: Events | Tracks | Grid) -> None:
        return None


class Show(Node):
    """A sink with an optional input."""

    optional_inputs: ClassVar[frozenset[str]] = frozenset({"tracks"})

    def events(self, events: Events | Slice) -> None:
        return None

    def tracks(self, tracks: Tracks) -> None:
        return None
