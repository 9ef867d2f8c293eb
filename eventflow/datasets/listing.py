"""What a dataset is here: a list of items, each a recording or a part of one, with what is known of it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from eventflow.errors import ParameterError, RecordingError
from eventflow.io import open as open_recording
from eventflow.io import read as read_recording

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventflow.events import Events
    from eventflow.io import Recording
    from eventflow.messages import Boxes


@dataclass(frozen=True)
class Item:
    """One sample of a dataset.

    Attributes:
        path: the recording.
        name: what it is called in the dataset: its path there, and its number where a recording holds several samples.
        label: number of its class, None where the dataset has no classes for it.
        split: "train", "test", "val" or "", where the dataset does not say.
        subject: who or what was recorded, "" where the dataset does not say.
        start: µs, where the sample is a part of the recording; None: from its beginning.
        end: µs; None: to its end.
        attributes: what else the dataset says, plain values.
        options: how the recording is opened, as arguments of `eventflow.open`.
    """

    path: Path
    name: str
    label: int | None = None
    split: str = ""
    subject: str = ""
    start: int | None = None
    end: int | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    def open(self, **options: Any) -> Recording:
        """Open the sample's recording at its part of it; `options` are those of `eventflow.open`."""
        return open_recording(self.path, **{"start": self.start, "end": self.end} | self.options | options)

    def events(self) -> Events:
        """Return the sample's events, with the recording's own times."""
        return read_recording(self.path, **{"start": self.start, "end": self.end} | self.options)

    def packets(self, **options: Any) -> tuple[Iterator[Events], int, int]:
        """Return the sample's events packet by packet, and the width and height of the sensor, px."""
        recording = self.open(**options)
        return iter(recording), recording.info.width, recording.info.height

    def boxes(self) -> list[Boxes]:
        """Return the labelled boxes of the sample, in time order; [] where the dataset has none."""
        return []


@dataclass(frozen=True)
class Listing:
    """A dataset: its items in a fixed order, and its classes.

    Attributes:
        items: the samples.
        classes: names of the classes, by label.
        notes: sentences about what is wrong or had to be assumed.
    """

    items: tuple[Item, ...]
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Listing: ...
    def __getitem__(self, index: int | slice) -> Item | Listing:
        return replace(self, items=self.items[index]) if isinstance(index, slice) else self.items[index]

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits there are, in the order in which they first occur."""
        return tuple(dict.fromkeys(item.split for item in self.items))

    @property
    def labels(self) -> list[int | None]:
        """The label of every item."""
        return [item.label for item in self.items]

    def split(self, name: str) -> Listing:
        """Return the items of one split.

        Raises:
            ParameterError: there is no such split.
        """
        if name not in self.splits:
            raise ParameterError(f"no split {name!r}; there are {', '.join(map(repr, self.splits)) or 'none'}")
        return replace(self, items=tuple(item for item in self.items if item.split == name))

    def of_class(self, *labels: int) -> Listing:
        """Return the items of some classes."""
        return replace(self, items=tuple(item for item in self.items if item.label in labels))

    def shared_subjects(self) -> dict[str, tuple[str, ...]]:
        """Return the subjects that occur in more than one split, with those splits."""
        seen: dict[str, dict[str, None]] = defaultdict(dict)
        for item in self.items:
            if item.subject and item.split:
                seen[item.subject][item.split] = None
        return {subject: tuple(splits) for subject, splits in seen.items() if len(splits) > 1}


def notes_on_subjects(listing: Listing) -> list[str]:
    """Return a sentence for each pair of splits that share subjects: a model tested so has seen who it is tested on."""
    shared = listing.shared_subjects()
    notes = []
    for one, other in combinations([name for name in listing.splits if name], 2):
        both = sorted((subject for subject, splits in shared.items() if {one, other} <= set(splits)), key=natural)
        if both:
            subjects = "subject" if len(both) == 1 else f"{len(both)} subjects"
            shown = f"{', '.join(both[:12])}{' …' if len(both) > 12 else ''}"
            notes.append(f"{subjects} in both {one} and {other}: {shown}")
    return notes


def natural(text: str) -> tuple[int, int, str]:
    """Return a key that sorts numbers by value and before words."""
    return (0, int(text), text) if text.isdecimal() else (1, 0, text)


def folder_of(path: str | Path) -> Path:
    """Return a dataset's folder.

    Raises:
        RecordingError: it is not there.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise RecordingError(f"{folder}: no such folder; name the one the dataset was unpacked into")
    return folder
