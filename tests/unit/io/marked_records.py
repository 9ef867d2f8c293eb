"""A recording format for tests: "MARKED", then events as they are in memory. Its decoder can go on from a mark."""

from __future__ import annotations

import numpy as np

from eventflow.io.decoder import Decoder, RecordingInfo
from eventflow.io.source import WordChunks

MAGIC = b"MARKED\n\0"


class MarkedDecoder(Decoder):
    def __init__(self, source, width, height):
        super().__init__(source, RecordingInfo(source.path, "marked", width, height, size_bytes=source.size))
        self._head = source.read(len(MAGIC))
        self._chunks = WordChunks(source, "V16", 1 << 12)
        self._count = 0

    def fill(self, batch, start):
        while start < len(batch):
            words = self._chunks.words[self._chunks.cursor :][: len(batch) - start]
            if not len(words):
                if not self._chunks.refill():
                    break
                continue
            batch.records.view("V16")[start : start + len(words)] = words
            self._chunks.cursor += len(words)
            self._count += len(words)
            start += len(words)
        return start

    @property
    def decoded_bytes(self):
        return len(MAGIC) + 16 * self._count

    def mark(self):
        return {"count": np.int64(self._count)}

    def resume(self, mark):
        self._count = mark["count"]
        self.source.seek(self.decoded_bytes)


def open_decoder(source, *, width=40, height=30):
    return MarkedDecoder(source, width, height)


def data_of(events):
    return MAGIC + events.records.view("V16").tobytes()
