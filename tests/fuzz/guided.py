"""Coverage-guided damage with atheris: `NUMBA_DISABLE_JIT=1 python tests/fuzz/guided.py FORMAT [--seconds S]`.

Loops run as Python so that their branches are seen. To the same checks as tools/fuzz.py; `pip install atheris` (it has
wheels for CPython 3.11 to 3.13 on Linux). What goes wrong ends the run and is left as crash-… in the current folder.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("NUMBA_DISABLE_JIT", "1")
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "io"))

import atheris
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

warnings.simplefilter("ignore")
with atheris.instrument_imports(include=["eventflow.io"]):
    from checking import Checker
    from dressing import dressed

    import eventflow.io.recording  # noqa: F401
    from eventflow.io.table import format_named


def _load(size: int) -> Callable[[Any, Any], np.uint64]:
    def load(array: Any, at: Any) -> np.uint64:
        data = array.view(np.uint8)[int(at) : int(at) + size].tobytes()
        if len(data) < size:
            raise AssertionError(f"{size} bytes are read at {at}, beyond the {array.nbytes} there are")
        return np.uint64(int.from_bytes(data, "little"))

    return load


def _store(array: Any, at: Any, word: Any) -> None:
    array.view(np.uint8)[int(at) : int(at) + 8] = np.frombuffer(int(word).to_bytes(8, "little"), np.uint8)


def _between(array: Any, at: Any, low: Any, high: Any) -> np.uint64:
    row = array.view(np.uint8)[int(at) : int(at) + 32]
    if len(row) < 32:
        raise AssertionError(f"32 bytes are read at {at}, beyond the {array.nbytes} there are")
    return np.uint64(sum(1 << i for i, byte in enumerate(row.tolist()) if int(low) <= byte <= int(high)))


# what the loops take from the processor, for loops that run as Python
_IN_PYTHON = {
    "popcount": lambda value: int(int(value) & (1 << 64) - 1).bit_count(),
    "load": _load(8),
    "_load": _load(8),
    "_between": _between,
    "load_half": _load(4),
    "load_quarter": _load(2),
    "store": _store,
    "count_block": lambda *given: 0,
    "lowest": lambda bits: np.uint64((int(bits) & -int(bits)).bit_length() - 1),
    "is_plain": lambda *given: False,
    "decode_times_and_events": lambda *given: (-1, 0, 0),
    "decode_vectors": lambda *given: (-1, 0, 0, 0, 0, 0),
    "decode_block": lambda *given: (-1, 0, 0),
    "trailing_zeros": lambda value: (int(value) & -int(value)).bit_length() - 1,
}


def _without_intrinsics() -> None:
    for name, module in list(sys.modules.items()):
        for intrinsic, function in _IN_PYTHON.items():
            if name.startswith("eventflow.io") and hasattr(module, intrinsic):
                setattr(module, intrinsic, function)


def _save_seeds(name: str, folder: Path, most_bytes: int) -> None:
    """Write the seeds of a format to a folder, in a process of its own: encoders need their loops compiled."""
    program = "import sys, seeds; seeds.save(sys.argv[1], sys.argv[2], int(sys.argv[3]))"
    environment = os.environ | {"NUMBA_DISABLE_JIT": "0", "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", program, name, str(folder), str(most_bytes)], env=environment, check=True)


def main() -> None:
    """Run one format for some time."""
    parser = argparse.ArgumentParser(description="Coverage-guided damage of one format.")
    parser.add_argument("format")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--most-bytes", type=int, default=2000)
    options = parser.parse_args()
    row = format_named(options.format)
    with tempfile.TemporaryDirectory() as folder, atheris.instrument_imports(include=["eventflow.io"]):
        corpus = Path(folder, "corpus")
        corpus.mkdir()
        _save_seeds(options.format, corpus, options.most_bytes)
        check = Checker(row, str(Path(folder, f"input{row.suffixes[0]}")))

        _without_intrinsics()

        def one(data: bytes) -> None:
            check(dressed(options.format, data), len(data))

        limits = [f"-max_total_time={options.seconds}", f"-max_len={options.most_bytes}", "-timeout=30"]
        atheris.Setup([sys.argv[0], *limits, "-print_final_stats=1", str(corpus)], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
