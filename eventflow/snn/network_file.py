"""A network from whatever file holds it, ready for an engine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from eventflow.snn.model import Model

if TYPE_CHECKING:
    from eventflow.snn.neuron import Drive, Fires, Reset, Rule


def read_network(
    path: str | Path,
    *,
    step_us: float | None = None,
    reset: Reset | str | None = None,
    rule: Rule | str | None = None,
    drive: Drive | str | None = None,
    fires: Fires | str = "at",
) -> Model:
    """Return the discrete network of `path`: a NIR graph (.nir, HDF5), or what `Model.save` wrote.

    The choices are those of `Model.discretise`; a network that is discrete already needs none of them.

    Raises:
        ParameterError: the file is missing, damaged, changed or of another kind, or a choice that it needs is not made.
    """
    model = stored_network(Path(path))
    if model.is_discrete and model.step_us is not None:
        return model
    return model.discretise(step_us=step_us, reset=reset, rule=rule, drive=drive, fires=fires)


def stored_network(path: Path) -> Model:
    """Return the network of a file as it is stored, what it leaves open left open; its content says what it is.

    Raises:
        ParameterError: the file is missing, damaged, changed or of another kind.
    """
    from eventflow.snn.nir_file import read_nir

    return read_nir(path) if path.suffix.lower() == ".nir" or _is_hdf5(path) else Model.load(path)


def _is_hdf5(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(8) == b"\x89HDF\r\n\x1a\n"
    except OSError:
        return False
