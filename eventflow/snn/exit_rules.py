"""When an answer is certain enough to stop stepping a network: a gap between two classes, or a confidence.

Outputs are what the last layer gives step by step, shape (samples, steps, classes); a rule sees their running sum, the
totals. The same rule runs over whole recordings (`exits`) and live, a step at a time (`reached` on one row).
`eventflow.snn.exit_calibration` chooses the thresholds from a validation set.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from eventflow.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray


class ExitRule(Protocol):
    """Says of totals, shape (…, classes), after `steps` steps, shape (…) and from 1, whether they are enough."""

    def reached(self, totals: NDArray[Any], steps: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return shape (…): True where no further step is needed."""


@dataclass(frozen=True)
class GapCutoff:
    """Stop when the leading class is ahead by more than a gap. Wu et al. 2023, anytime-optimal inference (AOI-SNN).

    Attributes:
        thresholds: the gap after each step, in the unit of the totals, the last for all later steps; inf: not there.
    """

    thresholds: tuple[float, ...]

    def reached(self, totals: NDArray[Any], steps: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return where the gap is larger than the threshold of its step."""
        limits = np.asarray(self.thresholds, np.float64)
        return np.asarray(gaps(totals) > limits[np.minimum(steps, len(limits)) - 1])


@dataclass(frozen=True)
class ConfidenceExit:
    """Stop when softmax(totals / temperature) gives a class more than a threshold. Li et al. 2023, dynamic confidence.

    Attributes:
        threshold: 0 to 1; above 1 never stops.
        temperature: what totals are divided by, in their unit.
        first: the fewest steps.
    """

    threshold: float
    temperature: float = 30.0
    first: int = 1

    def reached(self, totals: NDArray[Any], steps: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return where the confidence is larger than the threshold."""
        return (confidences(totals, self.temperature) > self.threshold) & (np.asarray(steps) >= self.first)


@dataclass(frozen=True)
class Exits:
    """Where recordings were stopped.

    Attributes:
        steps: int64, how many steps each took, from 1.
        labels: int64, the class that led there; of equal totals the lower number.
    """

    steps: NDArray[np.int64]
    labels: NDArray[np.int64]

    def accuracy(self, truth: NDArray[Any]) -> float:
        """Return the share of recordings whose label is the truth."""
        return float((self.labels == truth).mean())


def gaps(totals: NDArray[Any]) -> NDArray[np.float64]:
    """Return how far the leading class is ahead of the second, shape (…); 0 where there is one class alone."""
    if totals.shape[-1] < 2:
        return np.zeros(totals.shape[:-1])
    best = np.partition(totals, -2, axis=-1)[..., -2:].astype(np.float64)
    return np.asarray(best[..., 1] - best[..., 0])


def confidences(totals: NDArray[Any], temperature: float = 1.0) -> NDArray[np.float64]:
    """Return the largest of softmax(totals / temperature), shape (…), 1 / classes to 1."""
    scaled = totals.astype(np.float64) / temperature
    shares = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(1 / shares.sum(axis=-1))


def exits(rule: ExitRule | None, outputs: NDArray[Any]) -> Exits:
    """Return where a rule stops each recording; with None, or where it never does, after the last step.

    Args:
        rule: the rule.
        outputs: shape (samples, steps, classes).
    """
    totals = totals_of(outputs)
    count, steps, _ = totals.shape
    last = np.full(count, steps, np.int64)
    if rule is not None:
        found = rule.reached(totals, np.arange(1, steps + 1)[None])
        last = np.where(found.any(axis=1), found.argmax(axis=1) + 1, steps).astype(np.int64)
    labels = totals[np.arange(count), last - 1].argmax(axis=-1)
    return Exits(last, labels.astype(np.int64))


def totals_of(outputs: NDArray[Any]) -> NDArray[np.float64]:
    """Return the running sum over steps, float64, checked to have shape (samples, steps, classes), none of them 0."""
    if outputs.ndim != 3 or 0 in outputs.shape:
        raise ParameterError(f"outputs have shape {outputs.shape}; expected (samples, steps, classes), none of them 0")
    return np.asarray(outputs.cumsum(axis=1, dtype=np.float64))


_RULES: Final[dict[str, type]] = {"gap": GapCutoff, "confidence": ConfidenceExit}


def write_rule(rule: ExitRule, path: Path | str, *, step_us: int, model: str = "") -> None:
    """Write a rule as JSON, with the length of a step (µs) and the hash of the network that it was calibrated for."""
    kind = next(name for name, each in _RULES.items() if isinstance(rule, each))
    values: dict[str, Any] = asdict(rule)  # type: ignore[call-overload]
    if isinstance(rule, GapCutoff):
        values["thresholds"] = [each if np.isfinite(each) else None for each in rule.thresholds]
    plain = {"rule": kind, "step_us": step_us, "model": model, **values}
    Path(path).write_text(json.dumps(plain) + "\n", encoding="utf-8")


def read_rule(path: Path | str, *, step_us: int, model: str = "") -> ExitRule:
    """Read what `write_rule` wrote.

    Args:
        path: the file.
        step_us: length of the steps that it is to be used with, µs.
        model: hash of the network that it is to be used with; "": any.

    Raises:
        ParameterError: the file is missing or no rule, or was calibrated for other steps or another network.
    """
    try:
        plain = json.loads(Path(path).read_text(encoding="utf-8"))
        kind, for_step, for_model = plain.pop("rule"), plain.pop("step_us"), plain.pop("model")
        if "thresholds" in plain:
            plain["thresholds"] = tuple(float("inf") if each is None else float(each) for each in plain["thresholds"])
        rule: ExitRule = _RULES[kind](**plain)
    except OSError as error:
        raise ParameterError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ParameterError(f"{path}: no exit rule ({error}); `eventflow train` writes them") from None
    if for_step != step_us:
        raise ParameterError(f"{path}: calibrated for steps of {for_step} µs, used with steps of {step_us} µs")
    if model and for_model and model != for_model:
        raise ParameterError(f"{path}: calibrated for network {for_model[:12]}, used with {model[:12]}; calibrate anew")
    return rule
