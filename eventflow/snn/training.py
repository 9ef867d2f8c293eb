"""Training a network by backpropagation through time, plainly: frames in, a class out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.errors import ParameterError, missing_extra

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from eventflow.snn.model import Model


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained.

    Attributes:
        epochs: passes over the samples.
        batch: samples in one step of the optimiser.
        rate: the largest learning rate, of AdamW; it falls to 0 in a half cosine.
        shift: samples are moved by up to so many px, at random.
        seed: of the order, the moves and what else is left to chance.
    """

    epochs: int = 8
    batch: int = 32
    rate: float = 4e-3
    shift: int = 2
    seed: int = 0


def trained(
    model: Model,
    frames: NDArray[np.uint8],
    labels: NDArray[Any],
    recipe: Recipe | None = None,
    *,
    report: Callable[[int, float, float], None] | None = None,
) -> Model:
    """Return the network with trained weights. One thread, so that one seed gives one network.

    The loss is the cross entropy of the outputs' mean over time, half of it over the whole sample, half of it over a
    beginning of random length, so that early answers are trained, too.

    Args:
        model: discrete; its output is one value a class.
        frames: (samples, steps, *input_shape), counts.
        labels: classes.
        recipe: how; None: as `Recipe` has it.
        report: called after each epoch with its number from 1, the mean loss and the share of right answers.

    Raises:
        ParameterError: shapes that do not fit.
    """
    try:
        import torch
    except ImportError:
        raise missing_extra("torch", "snn", "training") from None
    from eventflow.snn.torch_network import TorchNetwork

    recipe = recipe or Recipe()
    _check(model, frames, labels)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        random = torch.Generator().manual_seed(recipe.seed)
        network = TorchNetwork(_drawn(model, recipe.seed))
        optimiser = torch.optim.AdamW(network.parameters(), recipe.rate, weight_decay=1e-4)
        rounds = recipe.epochs * -(-len(frames) // recipe.batch)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(rounds, 1))
        truth = torch.tensor(np.asarray(labels, np.int64))
        for epoch in range(1, recipe.epochs + 1):
            losses, right = [], 0
            for chosen in torch.randperm(len(frames), generator=random).split(recipe.batch):
                given = _moved(frames[chosen.numpy()], recipe.shift, random)
                outputs, _ = network(given)
                loss = _loss(outputs, truth[chosen], random)
                optimiser.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
                optimiser.step()
                schedule.step()
                losses.append(float(loss.detach()))
                right += int((outputs.detach().sum(0).argmax(-1) == truth[chosen]).sum())
            if report is not None:
                report(epoch, float(np.mean(losses)), right / len(frames))
        return network.described()
    finally:
        torch.set_num_threads(threads)


def outputs_of(model: Model, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return what a network puts out, (samples, steps, classes), float32."""
    from eventflow.snn.engines.choosing import engine_of

    engine = engine_of(model)
    found = np.empty((*frames.shape[:2], *model.output_shape), np.float32)
    for number, sample in enumerate(frames):
        found[number], _ = engine.run(sample.astype(np.float32), engine.start())
    return found


def _drawn(model: Model, seed: int) -> Model:
    """Return the network with weights drawn from the seed: uniform, as wide as 1 / sqrt(inputs) and gain 2."""
    from dataclasses import replace

    random = np.random.default_rng(seed)
    layers = {}
    for name, layer in model.layers.items():
        weight = getattr(layer, "weight", None)
        if weight is None:
            layers[name] = layer
            continue
        reach = np.sqrt(6.0 / np.prod(weight.shape[1:]))
        layers[name] = replace(layer, weight=random.uniform(-reach, reach, weight.shape).astype(np.float32))
    return replace(model, layers=layers)


def _loss(outputs: Any, truth: Any, random: Any) -> Any:
    import torch

    steps = len(outputs)
    early = int(torch.randint(max(steps // 6, 1), steps + 1, (), generator=random))
    entropy = torch.nn.functional.cross_entropy
    return 0.5 * entropy(outputs.mean(0), truth) + 0.5 * entropy(outputs[:early].mean(0), truth)


def _moved(frames: NDArray[np.uint8], shift: int, random: Any) -> Any:
    """Return a batch as (steps, batch, …) floats, each sample moved by a few px; what leaves comes back opposite."""
    import torch

    given = torch.from_numpy(frames.astype(np.float32)).transpose(0, 1).contiguous()
    if shift and given.ndim == 5:
        moves = torch.randint(-shift, shift + 1, (given.shape[1], 2), generator=random).tolist()
        for number, (dy, dx) in enumerate(moves):
            given[:, number] = torch.roll(given[:, number], (dy, dx), (-2, -1))
    return given


def _check(model: Model, frames: NDArray[np.uint8], labels: NDArray[Any]) -> None:
    if frames.ndim != 2 + len(model.input_shape) or frames.shape[2:] != model.input_shape or not len(frames):
        raise ParameterError(f"frames have shape {frames.shape}, expected (samples, steps, *{model.input_shape})")
    if len(labels) != len(frames) or len(model.output_shape) != 1:
        raise ParameterError(f"{len(frames)} samples, {len(labels)} labels, outputs of shape {model.output_shape}")
    if labels.min() < 0 or labels.max() >= model.output_shape[0]:
        raise ParameterError(
            f"labels go from {labels.min()} to {labels.max()}, the network has {model.output_shape[0]}"
        )
