"""Datasets as tensors: by index, as a stream, over workers, and joined into batches."""

from __future__ import annotations

import numpy as np
import pytest

import eventflow as ef
from eventflow.errors import ParameterError
from eventflow.events import EVENT_DTYPE
from eventflow.kernels.representations import count_frame, voxel_grid

torch = pytest.importorskip("torch", reason="the extra `snn` is not installed")
datasets = ef.datasets


def events_of(seed, width=20, height=16):
    random = np.random.default_rng(seed)
    records = np.zeros(100 + seed, EVENT_DTYPE)
    records["t"] = np.sort(random.integers(0, 50_000, len(records)))
    records["x"], records["y"] = random.integers(0, width, len(records)), random.integers(0, height, len(records))
    records["p"] = random.integers(0, 2, len(records))
    return ef.Events(records, width, height)


@pytest.fixture(scope="module")
def listing(tmp_path_factory):
    root = tmp_path_factory.mktemp("folders")
    for label in range(3):
        for number in range(2):
            ef.write(events_of(2 * label + number), root / "train" / str(label) / f"{number}.npz")
    return datasets.folders(root)


def test_by_index(listing):
    dataset = datasets.TorchDataset(listing)
    sample, label = dataset[3]
    assert (len(dataset), label) == (6, 1)
    assert sample.dtype == torch.int64
    assert sample[:, 0].tolist() == events_of(3).t.tolist()
    grid, _ = datasets.TorchDataset(listing, datasets.Voxels(5))[0]
    first = events_of(0)
    assert np.array_equal(grid.numpy(), voxel_grid(first, int(first.t[0]), int(first.t[-1]), 5))
    counts, _ = datasets.TorchDataset(listing, datasets.Counts())[0]
    assert np.array_equal(counts.numpy(), count_frame(first))
    assert datasets.Voxels(2)(ef.Events.empty(4, 3)).shape == (2, 3, 4)


def test_batches(listing):
    loader = torch.utils.data.DataLoader
    dataset = datasets.TorchDataset(listing)
    samples, labels = next(iter(loader(dataset, batch_size=6, collate_fn=datasets.collate_list)))
    assert [len(each) for each in samples] == [100, 101, 102, 103, 104, 105]
    assert labels.tolist() == [0, 0, 1, 1, 2, 2]
    padded, lengths, _ = next(iter(loader(dataset, batch_size=6, collate_fn=datasets.collate_pad)))
    assert padded.shape == (6, 105, 4)
    assert lengths.tolist() == [100, 101, 102, 103, 104, 105]
    assert torch.equal(padded[2, :102], samples[2])
    assert not padded[0, 100:].any()
    grids = datasets.TorchDataset(listing, datasets.Voxels(3))
    joined, _ = next(iter(loader(grids, batch_size=4, collate_fn=datasets.collate_grid)))
    assert joined.shape == (4, 3, 16, 20)
    joined, _ = datasets.collate_grid([(torch.ones(2, 3, 4), 0), (torch.ones(2, 5, 2), 1)])
    assert joined.shape == (2, 2, 5, 4)
    assert joined.sum() == 2 * 12 + 2 * 10
    with pytest.raises(ParameterError, match="are not grids alike"):
        datasets.collate_grid([(torch.ones(2, 3, 4), 0), (torch.ones(3, 3, 4), 1)])


def test_as_a_stream(listing):
    stream = datasets.TorchIterableDataset(listing)
    assert [label for _, label in stream] == [0, 0, 1, 1, 2, 2]
    windows = list(datasets.TorchIterableDataset(listing, every=10_000))
    assert len(windows) == 30
    whole = torch.cat([sample for sample, _ in windows[:5]])
    assert whole[:, 0].tolist() == events_of(0).t.tolist()
    with pytest.raises(ParameterError, match="at least 1 µs"):
        datasets.TorchIterableDataset(listing, every=0)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_workers_share_the_recordings(listing):
    stream = datasets.TorchIterableDataset(listing)
    loader = torch.utils.data.DataLoader(
        stream, batch_size=None, num_workers=2, multiprocessing_context="spawn", collate_fn=None
    )
    lengths = sorted(len(sample) for sample, _ in loader)
    assert lengths == [100, 101, 102, 103, 104, 105]


def test_a_packed_dataset_streams_too(tmp_path):
    samples = [events_of(seed) for seed in range(3)]
    joined = ef.Events.concat(samples)
    columns = {name: joined.records[name] for name in "txyp"}
    np.savez(tmp_path / "p.npz", **columns, offsets=np.cumsum([0, *map(len, samples)]), label=np.arange(3))
    stream = datasets.TorchIterableDataset(datasets.packed(tmp_path / "p.npz"), every=25_000)
    assert [label for _, label in stream] == [0, 0, 1, 1, 2, 2]
