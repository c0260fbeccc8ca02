"""A small WebSocket client (RFC 6455): as much as a witness needs."""

from __future__ import annotations

import base64
import os
import socket
import ssl
import struct
from collections.abc import Iterator

HANDSHAKE_SECONDS = 10.0
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class Refused(OSError):
    """The server did not upgrade the connection."""


def encode(opcode: int, payload: bytes) -> bytes:
    """One masked frame. The mask is zero: nobody needs to be fooled here."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, size)
    return head + bytes(4) + payload


class FrameReader:
    """Bytes in, frames out; keeps what is not whole yet."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        self._buffer += data
        while (size := self._whole()) is not None:
            start, end = size
            frame = self._buffer[0] & 0x0F, bytes(self._buffer[start:end])
            del self._buffer[:end]
            yield frame

    def _whole(self) -> tuple[int, int] | None:
        """Where the first payload begins and ends, if all of it is here."""
        if len(self._buffer) < 2:
            return None
        size, start = self._buffer[1] & 0x7F, 2
        if size >= 126:
            start = 4 if size == 126 else 10
            if len(self._buffer) < start:
                return None
            size = int.from_bytes(self._buffer[2:start], "big")
        if len(self._buffer) < start + size:
            return None
        return start, start + size


def connect(
    host: str, port: int, target: str, tls: ssl.SSLContext | None = None
) -> tuple[socket.socket, bytes]:
    """An open connection, and what came right behind the answer.

    Errors: Refused with the status line; OSError.
    """
    connection = socket.create_connection((host, port), HANDSHAKE_SECONDS)
    try:
        if tls is not None:
            connection = tls.wrap_socket(connection)
        key = base64.b64encode(os.urandom(16)).decode()
        connection.sendall(
            f"GET {target} HTTP/1.1\r\nHost: {host}:{port}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        answer = b""
        while b"\r\n\r\n" not in answer:
            data = connection.recv(4096)
            if not data:
                raise Refused("closed during the handshake")
            answer += data
        head, _, rest = answer.partition(b"\r\n\r\n")
        if b" 101 " not in head.split(b"\r\n")[0] + b" ":
            raise Refused(head.split(b"\r\n")[0].decode(errors="replace"))
        return connection, rest
    except BaseException:
        connection.close()
        raise
