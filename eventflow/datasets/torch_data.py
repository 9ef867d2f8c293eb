"""Datasets for PyTorch: items as tensors, by index or as a stream, and how samples of different lengths are joined."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.errors import ParameterError, missing_extra
from eventflow.kernels.representations import count_frame, voxel_grid
from eventflow.kernels.slices import TimeSlicer

try:
    import torch
    from torch.utils.data import Dataset, IterableDataset, get_worker_info
except ImportError as error:
    raise missing_extra("torch", "snn", "a dataset for PyTorch") from error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor

    from eventflow.datasets.listing import Item, Listing
    from eventflow.events import Events

NO_LABEL: Final = -1


def event_columns(events: Events) -> Tensor:
    """Return events as int64, shape (n, 4): t (µs), x, y (px), p (0 or 1)."""
    return torch.from_numpy(np.stack([events.records[name].astype(np.int64) for name in "txyp"], axis=1))


class Voxels:
    """A transform: the voxel grid of a sample, float32, shape (bins, height, width), over the span of its events."""

    def __init__(self, bins: int) -> None:
        self.bins = bins

    def __call__(self, events: Events) -> Tensor:
        """Return the grid."""
        if not len(events):
            return torch.zeros((self.bins, events.height, events.width))
        times = events.t
        return torch.from_numpy(voxel_grid(events, int(times.min()), int(times.max()), self.bins))


class Counts:
    """A transform: events of each polarity a pixel, float32, shape (2, height, width)."""

    def __call__(self, events: Events) -> Tensor:
        """Return the counts."""
        return torch.from_numpy(count_frame(events).astype(np.float32))


class TorchDataset(Dataset):  # type: ignore[misc]
    """A listing by index: (sample, label); the label is -1 where there is none.

    Args:
        listing: what to give out.
        transform: from Events to a tensor; None: `event_columns`. With workers it is one that can be sent to them.
    """

    def __init__(self, listing: Listing, transform: Callable[[Events], Any] | None = None) -> None:
        self.listing = listing
        self.transform = transform or event_columns

    def __len__(self) -> int:
        return len(self.listing)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        item = self.listing[index]
        return self.transform(item.events()), _label(item)


class TorchIterableDataset(IterableDataset):  # type: ignore[misc]
    """A listing as a stream in its order: (sample, label), each recording read packet by packet.

    Several workers take every n-th recording each, so that together they give every sample once.

    Args:
        listing: what to give out.
        transform: from Events to a tensor; None: `event_columns`.
        every: cut each recording into windows of this many µs, counted from event time 0; None: a sample a recording.
    """

    def __init__(
        self, listing: Listing, transform: Callable[[Events], Any] | None = None, *, every: int | None = None
    ) -> None:
        if every is not None and every < 1:
            raise ParameterError(f"every={every}: a window is at least 1 µs long")
        self.listing, self.every = listing, every
        self.transform = transform or event_columns

    def __iter__(self) -> Iterator[tuple[Any, int]]:
        worker = get_worker_info()
        first, step = (0, 1) if worker is None else (worker.id, worker.num_workers)
        for item in self.listing.items[first::step]:
            for events in self._samples(item):
                yield self.transform(events), _label(item)

    def _samples(self, item: Item) -> Iterator[Events]:
        if self.every is None:
            yield item.events()
            return
        packets, _, _ = item.packets(backwards="clamp")
        slicer = TimeSlicer(self.every)
        for packet in packets:
            yield from (piece.events for piece in slicer.push(packet))
        yield from (piece.events for piece in slicer.finish())


def _label(item: Item) -> int:
    return NO_LABEL if item.label is None else item.label


def collate_list(batch: Sequence[tuple[Tensor, int]]) -> tuple[list[Tensor], Tensor]:
    """Return the samples as they are, in a list, and their labels, int64."""
    return [sample for sample, _ in batch], _labels(batch)


def collate_pad(batch: Sequence[tuple[Tensor, int]]) -> tuple[Tensor, Tensor, Tensor]:
    """Return samples of shape (n, …) as one tensor (batch, longest n, …) filled up with zeros, their n, and labels."""
    lengths = torch.tensor([len(sample) for sample, _ in batch])
    padded = torch.nn.utils.rnn.pad_sequence([sample for sample, _ in batch], batch_first=True)
    return padded, lengths, _labels(batch)


def collate_grid(batch: Sequence[tuple[Tensor, int]]) -> tuple[Tensor, Tensor]:
    """Return grids (channels, height, width) as (batch, channels, tallest, widest), zeros right and below, and labels.

    Raises:
        ParameterError: they differ in channels, or are no grids.
    """
    shapes = {(sample.ndim, sample.shape[0]) for sample, _ in batch}
    if len(shapes) != 1 or next(iter(shapes))[0] != 3:
        raise ParameterError(f"samples of shapes {[tuple(sample.shape) for sample, _ in batch]} are not grids alike")
    height, width = (max(sample.shape[axis] for sample, _ in batch) for axis in (1, 2))
    first = batch[0][0]
    joined = first.new_zeros((len(batch), first.shape[0], height, width))
    for row, (sample, _) in zip(joined, batch, strict=True):
        row[:, : sample.shape[1], : sample.shape[2]] = sample
    return joined, _labels(batch)


def _labels(batch: Sequence[tuple[Any, int]]) -> Tensor:
    return torch.tensor([label for _, label in batch])
