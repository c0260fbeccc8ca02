"""Tokens as an application would make them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path

SECRET = b"a secret of at least thirty-two bytes"


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def key_file(folder: Path) -> str:
    """For STATUS_JWT_KEY_FILE."""
    path = folder / "tokens.jwk"
    path.write_text(json.dumps({"kty": "oct", "alg": "HS256", "k": encoded(SECRET)}))
    return str(path)


def token(lifetime: float, *channels: str) -> str:
    """Good for `lifetime` seconds from now, and the broker's leeway of 30 s."""
    head = encoded(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    claims = {"exp": time.time() + lifetime, "status2": channels or ["run:*"]}
    text = f"{head}.{encoded(json.dumps(claims).encode())}"
    seal = hmac.new(SECRET, text.encode(), hashlib.sha256).digest()
    return f"{text}.{encoded(seal)}"
