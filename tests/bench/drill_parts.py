"""The drills' WebSocket client and Redis protocol, which serve here as well."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "compose"))

from drills.publisher import resp  # noqa: E402
from drills.websocket import CLOSE, PONG, TEXT, FrameReader, connect, encode  # noqa: E402

__all__ = ["CLOSE", "PONG", "TEXT", "FrameReader", "connect", "encode", "resp"]
