"""WebDataset shards of many recordings' samples: TAR archives of about one size, as training reads them in order.

A sample is a run of members whose names are one key and an ending each. A key becomes the recording's folder and the
key it had, so that two recordings of one name stay apart. Recordings come in an order that is drawn from their names,
since shards that hold one class each would be trained on one class at a time. Bytes depend on the samples, their names
and the limit alone.
"""

from __future__ import annotations

import shutil
import tarfile
from dataclasses import dataclass, field
from hashlib import blake2b
from io import BytesIO
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from eventflow.errors import ParameterError
from eventflow.io.parts import PartFile, writing
from eventflow.units import size_from_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Members = list[tuple[tarfile.TarInfo, bytes]]

_BLOCK_BYTES = 512


@dataclass(frozen=True)
class ShardLimit:
    """Where a shard ends: after so many samples, or before it would be larger than so many bytes.

    Attributes:
        samples: most samples of a shard, or None.
        size_bytes: most bytes of a shard, or None; a larger sample has a shard of its own.
    """

    samples: int | None = None
    size_bytes: int | None = None

    @classmethod
    def from_text(cls, text: str) -> ShardLimit:
        """Return what `1000` (samples) or `500MB` says.

        Raises:
            ParameterError: it says neither, or nothing would fit.
        """
        limit = cls(samples=int(text)) if text.isdecimal() and len(text) < 19 else cls(size_bytes=size_from_text(text))
        if not (limit.samples or limit.size_bytes):
            raise ParameterError(f"{text!r}: a shard holds at least one sample: say how many (1000) or a size (500MB)")
        return limit


@dataclass
class _Shard:
    """The shard in hand: nothing until a sample comes."""

    tar: tarfile.TarFile | None = None
    part: PartFile | None = None
    samples: int = 0
    size_bytes: int = 0
    made: list[dict[str, Any]] = field(default_factory=list)


def join_shards(
    recordings: Sequence[tuple[str, str]], root: Path, folder: Path, limit: ShardLimit
) -> list[dict[str, Any]]:
    """Write the samples of recordings as `SPLIT-000000.tar` and so on in `folder`, whose contents they replace.

    Args:
        recordings: for each its archive, a path below `root`, and its split ("" for none: `samples-000000.tar`).
        root: where the archives lie.
        folder: where the shards go.
        limit: where a shard ends.

    Returns:
        For each shard `path`, `samples` and `size_bytes`.
    """
    with writing(folder):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    made = []
    for split, several in groupby(sorted(recordings, key=_place), key=lambda each: each[1]):
        shard = _Shard()
        try:
            for name, _ in several:
                for members in _samples(root, name):
                    _add(shard, members, folder, split or "samples", limit)
            _end(shard)
        except BaseException:
            if shard.part is not None:
                shard.part.discard()
            raise
        made += shard.made
    return made


def _place(recording: tuple[str, str]) -> tuple[str, bytes, str]:
    name, split = recording
    return split, blake2b(name.encode(), digest_size=8).digest(), name


def _samples(root: Path, name: str) -> Iterator[Members]:
    """Yield the samples of one archive, their keys below the folder it lies in."""
    above = PurePosixPath(name).parent
    with writing(root / name), tarfile.open(root / name) as archive:
        for _, entries in groupby(archive, key=lambda entry: PurePosixPath(entry.name).name.partition(".")[0]):
            members = []
            for entry in entries:
                file = archive.extractfile(entry)
                content = b"" if file is None else file.read()
                entry.name = str(above / entry.name)
                members.append((entry, content))
            yield members


def _add(shard: _Shard, members: Members, folder: Path, prefix: str, limit: ShardLimit) -> None:
    size = sum(_BLOCK_BYTES + -(-len(content) // _BLOCK_BYTES) * _BLOCK_BYTES for _, content in members)
    full = shard.samples == limit.samples or (limit.size_bytes and shard.size_bytes + size > limit.size_bytes)
    if shard.tar is not None and full:
        _end(shard)
    if shard.tar is None:
        shard.part = PartFile(folder / f"{prefix}-{len(shard.made):06d}.tar")
        shard.tar = tarfile.open(shard.part.part, "w", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - closed by _end
    assert shard.part is not None
    with writing(shard.part.path):
        for entry, content in members:
            made = tarfile.TarInfo(entry.name)
            made.size = len(content)
            shard.tar.addfile(made, BytesIO(content))
    shard.samples += 1
    shard.size_bytes += size


def _end(shard: _Shard) -> None:
    """Finish the shard in hand, if there is one."""
    if shard.tar is None or shard.part is None:
        return
    with writing(shard.part.path):
        shard.tar.close()
    path = shard.part.keep()
    shard.made.append({"path": str(path), "samples": shard.samples, "size_bytes": path.stat().st_size})
    shard.tar = shard.part = None
    shard.samples = shard.size_bytes = 0
