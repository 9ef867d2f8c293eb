"""Published datasets as lists of recordings with labels: what lies where on the disk, and nothing is copied.

`load(folder)` finds out which layout a folder has; `folders`, `nmnist`, `ncaltech101`, `dvs128_gesture`,
`dailydvs200`, `prophesee_detection`, `packed`, `brisbane_event_vpr`, `qcr_event_vpr` and `nsavp` read the one they
are named for. Each gives a Listing of Items: label,
split, subject, the part of a recording that belongs to them, and their events when asked. `write_folders` writes one.
`TorchDataset` and `TorchIterableDataset` hand them to PyTorch, which is imported there alone.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOME = {
    "Counts": "eventflow.datasets.torch_data",
    "Item": "eventflow.datasets.listing",
    "Listing": "eventflow.datasets.listing",
    "TorchDataset": "eventflow.datasets.torch_data",
    "TorchIterableDataset": "eventflow.datasets.torch_data",
    "Traverse": "eventflow.datasets.traverses",
    "Voxels": "eventflow.datasets.torch_data",
    "brisbane_event_vpr": "eventflow.datasets.traverses",
    "collate_grid": "eventflow.datasets.torch_data",
    "collate_list": "eventflow.datasets.torch_data",
    "collate_pad": "eventflow.datasets.torch_data",
    "dailydvs200": "eventflow.datasets.dailydvs",
    "dvs128_gesture": "eventflow.datasets.gesture",
    "folders": "eventflow.datasets.folder_per_class",
    "load": "eventflow.datasets.loading",
    "ncaltech101": "eventflow.datasets.folder_per_class",
    "nmnist": "eventflow.datasets.folder_per_class",
    "nsavp": "eventflow.datasets.traverses",
    "packed": "eventflow.datasets.packing",
    "prophesee_detection": "eventflow.datasets.detection",
    "qcr_event_vpr": "eventflow.datasets.traverses",
    "write_folders": "eventflow.datasets.writing",
}

__all__ = sorted(_HOME)

if TYPE_CHECKING:
    from eventflow.datasets.dailydvs import dailydvs200 as dailydvs200
    from eventflow.datasets.detection import prophesee_detection as prophesee_detection
    from eventflow.datasets.folder_per_class import folders as folders
    from eventflow.datasets.folder_per_class import ncaltech101 as ncaltech101
    from eventflow.datasets.folder_per_class import nmnist as nmnist
    from eventflow.datasets.gesture import dvs128_gesture as dvs128_gesture
    from eventflow.datasets.listing import Item as Item
    from eventflow.datasets.listing import Listing as Listing
    from eventflow.datasets.loading import load as load
    from eventflow.datasets.packing import packed as packed
    from eventflow.datasets.torch_data import Counts as Counts
    from eventflow.datasets.torch_data import TorchDataset as TorchDataset
    from eventflow.datasets.torch_data import TorchIterableDataset as TorchIterableDataset
    from eventflow.datasets.torch_data import Voxels as Voxels
    from eventflow.datasets.torch_data import collate_grid as collate_grid
    from eventflow.datasets.torch_data import collate_list as collate_list
    from eventflow.datasets.torch_data import collate_pad as collate_pad
    from eventflow.datasets.traverses import Traverse as Traverse
    from eventflow.datasets.traverses import brisbane_event_vpr as brisbane_event_vpr
    from eventflow.datasets.traverses import nsavp as nsavp
    from eventflow.datasets.traverses import qcr_event_vpr as qcr_event_vpr
    from eventflow.datasets.writing import write_folders as write_folders


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'eventflow.datasets' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
