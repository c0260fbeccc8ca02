"""A WebSocket to a browser that is driven: calls and their answers, events."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import websocket

# Of a browser on a machine that does much else, seconds.
DEADLINE = 90.0


class RemoteError(Exception):
    """The browser refused a call, or does not answer; the text says why."""


def eventually(condition: Callable[[], Any], what: str) -> Any:
    """The first true value of the condition. Errors: AssertionError with
    `what` if there is none in time.
    """
    end = time.monotonic() + DEADLINE
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not in {DEADLINE:.0f} s: {what}")
        time.sleep(0.02)


class Remote:
    """Both protocols: a call is `{id, method, params}`, its answer has the id,
    an event has a method and no id. Thread: any.
    """

    def __init__(self, url: str, on_event: Callable[[dict[str, Any]], None]) -> None:
        # Chromium refuses an Origin that it does not know.
        self._socket = websocket.create_connection(
            url, timeout=DEADLINE, suppress_origin=True
        )
        self._socket.settimeout(None)
        self._on_event = on_event
        self._changed = threading.Condition()
        self._answers: dict[int, dict[str, Any]] = {}
        self._last = 0
        self._closed = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def call(self, method: str, params: dict[str, Any], **more: str) -> Any:
        """The result of a call. Errors: RemoteError."""
        with self._changed:
            self._last += 1
            number = self._last
        text = json.dumps({"id": number, "method": method, "params": params} | more)
        self._socket.send(text)
        with self._changed:
            self._changed.wait_for(
                lambda: number in self._answers or self._closed, DEADLINE
            )
            answer = self._answers.pop(number, None)
        if answer is None:
            raise RemoteError(f"no answer to {method}")
        if "error" in answer:
            raise RemoteError(f"{method}: {answer}")
        return answer["result"]

    def close(self) -> None:
        with contextlib.suppress(OSError, websocket.WebSocketException):
            self._socket.close(timeout=1)
        self._thread.join()

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError, websocket.WebSocketException):
            while text := self._socket.recv():
                message = json.loads(text)
                if "id" not in message:
                    self._on_event(message)
                    continue
                with self._changed:
                    self._answers[message["id"]] = message
                    self._changed.notify_all()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
