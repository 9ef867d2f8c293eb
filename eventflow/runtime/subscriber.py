"""One listener of a published stream: what waits for it, and what becomes of it when it is slow."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Iterator

Policy = Literal["drop_oldest", "latest", "block"]
QUEUED_MESSAGES: Final = 64
QUEUED_BYTES: Final = 16_000_000


class Subscriber:
    """A queue with credits.

    Args:
        policy: what happens when more waits than the queue holds: its oldest message goes, all but the newest go, or
            the graph waits.
        first: number of the next message of the stream.

    Attributes:
        told: whether it has been told that the stream has ended.
        done: whether it has acknowledged that.
        sent: messages sent.
        missed: messages dropped.
    """

    def __init__(self, policy: Policy, first: int) -> None:
        self.policy: Policy = policy
        self.packets = self.bytes = self.sent = self.missed = 0
        self._queue: deque[tuple[int, Any, int]] = deque()
        self._queued_bytes = 0
        self._expected = first
        self.told = self.done = False

    @property
    def full(self) -> bool:
        """Whether the graph is to wait for it."""
        return self.policy == "block" and self._beyond(QUEUED_MESSAGES - 1)

    @property
    def waiting(self) -> int:
        """How many messages wait."""
        return len(self._queue)

    def put(self, number: int, message: Any, size: int) -> None:
        """Append a message; what no longer fits goes, unless the graph waits for this listener."""
        self._queue.append((number, message, size))
        self._queued_bytes += size
        most = 1 if self.policy == "latest" else QUEUED_MESSAGES
        while self.policy != "block" and len(self._queue) > 1 and self._beyond(most):
            self._queued_bytes -= self._queue.popleft()[2]
            self.missed += 1

    def give_up(self) -> None:
        """Forget what waits: the stream ends and nobody reads it."""
        self.missed += len(self._queue)
        self._queue.clear()

    def _beyond(self, messages: int) -> bool:
        return len(self._queue) > messages or self._queued_bytes > QUEUED_BYTES

    def ready(self) -> Iterator[tuple[int, int, Any, int]]:
        """Yield what the listener's credits allow: number, gap before it, message, bytes."""
        while self._queue and self.packets > 0 and self.bytes > 0:
            number, message, size = self._queue.popleft()
            self._queued_bytes -= size
            self.packets -= 1
            self.bytes -= size
            self.sent += 1
            gap, self._expected = number - self._expected, number + 1
            yield number, gap, message, size


def policy_from(wish: Any, *, may_block: bool) -> Policy:
    """Return the policy that a listener asked for, or the mildest where it may not have it."""
    if wish not in get_args(Policy) or (wish == "block" and not may_block):
        return "drop_oldest"
    policy: Policy = wish
    return policy
