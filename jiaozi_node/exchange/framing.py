"""Messages in a stream of bytes: each with its length in front, as a varint.

A `Frames` holds what came of one message at most and never more than was sent: nothing is set
aside for a length that is only declared.
"""

from collections.abc import Iterator
from typing import Final

from jiaozi_node.errors import LimitExceeded
from jiaozi_node.exchange.protobuf import MalformedMessage, varint

MAX_MESSAGE_BYTES: Final = 4 * 1024 * 1024  # go-libp2p's MessageSizeMax
_MAX_LENGTH_BYTES: Final = 9


def framed(message: bytes) -> bytes:
    """Return *message* with its length in front."""
    return varint(len(message)) + message


class Frames:
    """Takes the bytes of a stream as they come and gives back whole messages."""

    __slots__ = ("_buffer", "_need")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._need = 0  # bytes of the buffer to wait for

    @property
    def empty(self) -> bool:
        """No part of a message is waiting for its rest: the stream may end here."""
        return not self._buffer

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take *data*; yield the messages that are whole now.

        Raises `LimitExceeded` for a message over 4 MiB, `MalformedMessage` for a length that is
        none; the stream can't be read on after either.
        """
        buffer = self._buffer
        buffer += data
        at = 0
        try:
            while len(buffer) - at >= self._need and (head := self._head(at)) is not None:
                start, length = head
                if len(buffer) - start < length:
                    self._need = start - at + length
                    return
                self._need = 0
                message = bytes(memoryview(buffer)[start : start + length])
                at = start + length
                yield message
        finally:
            del buffer[:at]

    def _head(self, at: int) -> tuple[int, int] | None:
        """Return where the message at *at* begins and its length; None when that isn't all here."""
        buffer = self._buffer
        value = shift = 0
        for end in range(at, min(at + _MAX_LENGTH_BYTES, len(buffer))):
            byte = buffer[end]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if byte == 0 and shift:
                    raise MalformedMessage("its length is not minimal")
                if value > MAX_MESSAGE_BYTES:
                    raise LimitExceeded("bitswap message", MAX_MESSAGE_BYTES, value)
                return end + 1, value
            shift += 7
        if len(buffer) - at >= _MAX_LENGTH_BYTES:
            raise MalformedMessage("its length is longer than 9 bytes")
        return None
