"""Coverage-guided damage with atheris: `NUMBA_DISABLE_JIT=1 python tests/fuzz/guided.py FORMAT [--seconds S]`.

Loops run as Python so that their branches are seen. To the same checks as tools/fuzz.py; `pip install atheris` (it has
wheels for CPython 3.11 to 3.13 on Linux). What goes wrong ends the run and is left as crash-… in the current folder.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import warnings
from pathlib import Path

os.environ.setdefault("NUMBA_DISABLE_JIT", "1")
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "io"))

import atheris

warnings.simplefilter("ignore")
with atheris.instrument_imports(include=["eventflow.io"]):
    from checking import Checker
    from dressing import dressed
    from seeds import seeds_of

    import eventflow.io.recording  # noqa: F401
    from eventflow.io.table import format_named


# what the loops take from the processor, for loops that run as Python
_IN_PYTHON = {
    "popcount": lambda value: int(int(value) & (1 << 64) - 1).bit_count(),
    "count_block": lambda *given: 0,
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
        for number, seed in enumerate(seeds_of(options.format)):
            if len(seed) <= options.most_bytes:
                (corpus / str(number)).write_bytes(seed)
        check = Checker(row, str(Path(folder, f"input{row.suffixes[0]}")))

        _without_intrinsics()

        def one(data: bytes) -> None:
            check(dressed(options.format, data), len(data))

        limits = [f"-max_total_time={options.seconds}", f"-max_len={options.most_bytes}", "-timeout=30"]
        atheris.Setup([sys.argv[0], *limits, "-print_final_stats=1", str(corpus)], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
