"""From what a user names to a network that runs: its file, what the file leaves open, its hash, its engine."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Final

from eventflow.errors import ParameterError
from eventflow.snn.network_file import stored_network

if TYPE_CHECKING:
    from eventflow.snn.model import Model
    from eventflow.snn.neuron import Drive, Reset, Rule

BUILT_IN: Final = "digits"


@dataclass(frozen=True, eq=False)
class Network:
    """A network ready to be run.

    Attributes:
        model: discrete, with a step.
        name: what it was asked for by.
        digest: hash of its file.
    """

    model: Model
    name: str
    digest: str


def network_from(
    name: str,
    *,
    step_us: int,
    reset: Reset | str | None = None,
    rule: Rule | str | None = None,
    drive: Drive | str | None = None,
) -> Network:
    """Return the network of a NIR graph, of a file that `Model.save` wrote, or `digits`, trained on first use.

    Args:
        name: the file, or `digits`.
        step_us: length of a step, µs.
        reset: as `Model.discretise` takes it; for files that leave it open.
        rule: likewise.
        drive: likewise.

    Raises:
        ParameterError: the file is missing, damaged or no network, holds a value that is not finite, leaves open what
            is not said, or was made for another step; the file is named.
    """
    path = _built_in() if name == BUILT_IN else Path(name)
    if not path.is_file():
        raise ParameterError(f"{name}: no such file; expected a NIR graph, a saved network, or {BUILT_IN!r}")
    model = stored_network(path)
    if model.is_discrete and model.step_us is not None and model.step_us != step_us:
        raise ParameterError(f"{name}: made for steps of {model.step_us:g} µs, asked to run in steps of {step_us} µs")
    try:
        model = model.discretise(step_us=step_us, reset=reset, rule=rule, drive=drive)
    except ParameterError as error:
        raise ParameterError(f"{name}: {error}") from None
    return Network(model, name, blake2b(path.read_bytes(), digest_size=16).hexdigest())


def _built_in() -> Path:
    from eventflow.snn.digits import trained_digits

    return trained_digits()
