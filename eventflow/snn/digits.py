"""The network for digits that eventflow trains itself, on simulated ones, and keeps in the user's cache folder."""

from __future__ import annotations

import os
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.kernels.jit import cache_folder
from eventflow.snn.exit_calibration import calibrated_confidence
from eventflow.snn.exit_rules import write_rule
from eventflow.snn.layers import Conv2d, Flatten, Linear
from eventflow.snn.model import Model
from eventflow.snn.neuron import Neuron, Reset
from eventflow.snn.stepping import Retina, run_of_window
from eventflow.snn.training import Recipe, outputs_of, trained
from eventflow.synth import digits as scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from eventflow.events import Events
    from eventflow.snn.model import Layer

SIDE: Final = 34
STEP_US: Final = 10_000
STEPS: Final = 30
SAMPLES: Final = 800
VALIDATION: Final = 200
TOLERANCE: Final = 0.005
EPOCHS: Final = 12


def digit_network(step_us: int = STEP_US) -> Model:
    """Return the network without weights: two convolutions, two full layers, leaky neurons; 34x34 px, ten classes."""
    zero = np.zeros((), np.float32)
    leaky = Neuron(decay=np.array(0.8), gain=np.ones(()), offset=zero, threshold=np.ones(()), reset=Reset.SUBTRACT)
    layers: dict[str, Layer] = {
        "conv1": Conv2d(weight=np.zeros((8, 2, 5, 5), np.float32), stride=(2, 2), padding=((2, 2), (2, 2))),
        "lif1": leaky,
        "conv2": Conv2d(weight=np.zeros((16, 8, 3, 3), np.float32), stride=(2, 2), padding=((1, 1), (1, 1))),
        "lif2": leaky,
        "flat": Flatten(),
        "full1": Linear(weight=np.zeros((64, 16 * 81), np.float32)),
        "lif3": leaky,
        "full2": Linear(weight=np.zeros((10, 64), np.float32), bias=np.zeros(10, np.float32)),
        "votes": Neuron(decay=zero, gain=np.ones(()), offset=zero, threshold=None),
    }
    return Model.chain((2, SIDE, SIDE), layers, step_us=step_us)


def sample_frames(
    samples: Iterable[tuple[Events, int]], *, step_us: int = STEP_US, steps: int = STEPS
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return samples as frames (samples, steps, 2, 34, 34), counts up to 255, and their labels.

    Args:
        samples: events, from their time 0 on, and class.
        step_us: length of a step, µs.
        steps: how many; later events are left out.
    """
    frames, labels = [], []
    for events, label in samples:
        retina = Retina((2, SIDE, SIDE), events.width, events.height, "crop")
        part = events.between(0, steps * step_us)
        run = run_of_window(part, 0, steps * step_us, retina=retina, step_us=step_us)
        frames.append(np.minimum(np.concatenate(list(run.frames())), 255).astype(np.uint8))
        labels.append(label)
    return np.stack(frames), np.array(labels, np.int64)


def trained_digits(report: Callable[[str], None] | None = None) -> Path:
    """Return the file of the trained network; it is trained (about two minutes) if the cache folder does not hold it.

    Beside it lies an exit rule calibrated for it, NAME.exit.json. The name holds a hash of what it was made by.
    """
    path = cache_folder().parent / "networks" / f"digits-{_made_by()}.safetensors"
    if path.is_file() and path.with_suffix(".exit.json").is_file():
        return path
    say = report or _announce
    say("training the network for digits, once, about two minutes")
    samples = (scene.written_digit(number) for number in range(SAMPLES + VALIDATION))
    frames, labels = sample_frames(samples)
    write_trained(
        digit_network(), frames, labels, path, validation=VALIDATION, recipe=Recipe(epochs=EPOCHS), report=say
    )
    return path


def write_trained(
    model: Model,
    frames: NDArray[np.uint8],
    labels: NDArray[np.int64],
    path: Path,
    *,
    validation: int,
    recipe: Recipe,
    report: Callable[[str], None],
) -> dict[str, Any]:
    """Train on all samples but the last `validation`, calibrate an exit rule on those, write both, return figures."""
    made, held = (
        trained(
            model,
            frames[:-validation],
            labels[:-validation],
            recipe,
            report=lambda epoch, loss, right: report(
                f"epoch {epoch}/{recipe.epochs}: loss {loss:.3f}, {right:.1%} right"
            ),
        ),
        labels[-validation:],
    )
    outputs = outputs_of(made, frames[-validation:])
    rule = calibrated_confidence(outputs, held, tolerance=TOLERANCE, temperature=1.0)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    made.save(part)
    digest = blake2b(part.read_bytes(), digest_size=16).hexdigest()
    os.replace(part, path)
    step_us = int(model.step_us or STEP_US)
    write_rule(rule, path.with_suffix(".exit.json"), step_us=step_us, model=digest)
    accuracy = float((outputs.sum(axis=1).argmax(axis=-1) == held).mean())
    report(f"{accuracy:.1%} of {validation} held-out samples right; wrote {path}")
    return {"accuracy": accuracy, "validation": validation, "path": str(path), "threshold": rule.threshold}


def _made_by() -> str:
    digest = blake2b(digest_size=8)
    home = Path(__file__).parent
    for path in (Path(__file__), home / "training.py", home / "surrogate.py", Path(scene.__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _announce(text: str) -> None:
    import sys

    print(f"eventflow: {text}", file=sys.stderr, flush=True)
