"""The samples of a labelled dataset one after another, as one stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, NamedTuple

import numpy as np

from eventflow.errors import ParameterError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.graph.node import Source
from eventflow.graph.parameters import Range
from eventflow.messages import Label, StreamInfo
from eventflow.synth.digits import written_digit
from eventflow.units import Duration, ms

if TYPE_CHECKING:
    from eventflow.datasets import Listing

_SYNTHETIC = "synth:digits"


class Sample(NamedTuple):
    """What comes: events, and the truth at the time at which a sample begins."""

    events: Events | None = None
    truth: Label | None = None


class Labelled(Source):
    """Stream the samples of a labelled dataset one after another; port `truth` says the class as each begins.

    Times of a sample are kept, counted from where it begins: a multiple of `align`, at least `gap` after the last event
    of the one before. Samples without a label are left out and counted. Unordered samples are sorted.

    Args:
        path: a packed archive (.npz), the folder of a dataset, or `synth:digits`, simulated and endlessly many.
        layout: how the folder is laid out; null: found out.
        split: of the dataset's; null: all.
        first: the first sample, from 0.
        count: how many samples; null: all, or 100 simulated ones.
        gap: time without events between two samples.
        align: samples begin at multiples of this.
        seed: of the simulated digits.
    """

    path: str = _SYNTHETIC
    layout: str | None = None
    split: str | None = None
    first: Annotated[int, Range(0)] = 0
    count: Annotated[int, Range(0)] | None = None
    gap: Annotated[Duration, Range(0)] = ms(100)
    align: Annotated[Duration, Range(1)] = ms(10)
    seed: Annotated[int, Range(0, (1 << 31) - 1)] = 0

    def start(self) -> StreamInfo:
        """Find the samples; the sensor is the first one's."""
        self._listing: Listing | None = None
        if self.path == _SYNTHETIC:
            last = self.first + (100 if self.count is None else self.count)
            self._width = self._height = 34
        else:
            self._listing = self._opened()
            last = len(self._listing) if self.count is None else min(self.first + self.count, len(self._listing))
            if self.first >= len(self._listing):
                raise ParameterError(f"first: {self.first}, but {self.path} has {len(self._listing)} samples")
            events = self._listing[self.first].events()
            self._width, self._height = events.width, events.height
        self._numbers = range(self.first, last)
        return StreamInfo(self._width, self._height, t_start=0, source=self.path)

    def run(self) -> Iterator[Sample]:
        """Yield the truth and the events of every sample."""
        begin = 0
        for number in self._numbers:
            events, label, name = self._sample(number)
            if label is None:
                self.skipped["samples without a label"] += 1
                continue
            if (events.width, events.height) != (self._width, self._height):
                raise ParameterError(
                    f"{self.path}: sample {number} is {events.width}x{events.height} px, those before "
                    f"{self._width}x{self._height}; convert the dataset to one size first"
                )
            yield Sample(truth=Label(begin, label, 1.0, name))
            if len(events):
                shifted = _shifted(events, begin)
                yield Sample(events=shifted)
                begin = int(shifted.t[-1]) + 1
            begin = -(-(begin + self.gap) // self.align) * self.align

    def _opened(self) -> Listing:
        from eventflow import datasets

        packed = self.path.endswith(".npz")
        listing = datasets.packed(self.path) if packed else datasets.load(self.path, layout=self.layout)
        return listing if self.split is None else listing.split(self.split)

    def _sample(self, number: int) -> tuple[Events, int | None, str]:
        if self._listing is None:
            events, label = written_digit(number, seed=self.seed)
            return events, label, str(label)
        item = self._listing[number]
        names = self._listing.classes
        name = names[item.label] if item.label is not None and item.label < len(names) else ""
        return item.events().sorted(), item.label, name


def _shifted(events: Events, begin_us: int) -> Events:
    first = int(events.t[0])
    if first < 0:
        begin_us -= first
    records = events.records.view("V16").copy().view(EVENT_DTYPE)
    records["t"] += np.int64(begin_us)
    return Events(records, events.width, events.height)
