"""Messages between the server and its workers: JSON with its length, over a socket."""

import json
import socket
from typing import Any

LENGTH = 4
"""Bytes of a message's length."""
LARGEST = 2**30
"""Largest message in bytes: a batch of the largest requests."""


def pack(message: dict[str, Any]) -> bytes:
    """Encode a message."""
    content = json.dumps(message).encode()
    return len(content).to_bytes(LENGTH, "big") + content


def length_of(head: bytes) -> int:
    """Bytes of the message after its head.

    Raises:
        ValueError: it is longer than any message.
    """
    length = int.from_bytes(head, "big")
    if length > LARGEST:
        raise ValueError(f"a message of {length} bytes")
    return length


def send(connection: socket.socket, message: dict[str, Any]) -> None:
    """Send a message."""
    connection.sendall(pack(message))


def receive(connection: socket.socket) -> dict[str, Any]:
    """Wait for a message.

    Raises:
        EOFError: the other side has closed the connection.
    """
    message: dict[str, Any] = json.loads(_read(connection, length_of(_read(connection, LENGTH))))
    return message


def _read(connection: socket.socket, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        part = connection.recv(min(count - len(parts), 2**20))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)
