"""The Compose stack of a drill: a project of its own, driven by `wctl`."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .context import Context
from .errors import CouldNotRun
from .machine import ROOT
from .samplers import Metrics

WCTL = ROOT / "compose/wctl"
SECRETS = ROOT / "compose/.secrets"
PROJECT = "status2-drill"
PORT = 19002
# As compose.fixed.yml has them.
STATUS, REDIS = "10.213.57.10", "10.213.57.11"
SINGLE = "compose.yml compose.fixed.yml compose.drill.yml"
SCALED = "compose.yml compose.scale.yml compose.fixed.yml compose.drill.yml"
BUILD_SECONDS = 1200.0
RETRY_MAX_SECONDS = 2.0
GONE_ALREADY = 404


@dataclass
class Stack:
    """One project at a time: drills run one after the other."""

    context: Context
    services: Sequence[str] = ("status", "redis")
    files: str = SINGLE
    settings: Mapping[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        return {
            "COMPOSE_PROJECT_NAME": PROJECT,
            "STATUS2_PORT": str(PORT),
            "STATUS2_STACK_FILES": self.files,
            "STATUS2_FROM": os.environ.get("STATUS2_FROM", "prebuilt"),
            # What a drill is about happens within seconds.
            "STATUS_REDIS_RETRY_BASE": "200ms",
            "STATUS_REDIS_RETRY_MAX": f"{RETRY_MAX_SECONDS:g}s",
        } | dict(self.settings)  # fmt: skip

    def wctl(self, *words: str, seconds: float = 120.0, check: bool = True) -> str:
        done = self.context.run(
            f"wctl {words[0]}", [str(WCTL), *words], seconds,
            self.environment(), check,
        )  # fmt: skip
        return done.output

    def command(self, *words: str) -> list[str]:
        """The same as a command that needs nothing of this process."""
        pairs = [f"{name}={value}" for name, value in self.environment().items()]
        return ["env", *pairs, str(WCTL), *words]

    def up(self) -> None:
        """Starts it and waits until it answers; it goes down with the run."""
        asked = subprocess.run(["docker", "version"], capture_output=True, text=True)
        if asked.returncode:
            raise CouldNotRun(f"Docker does not answer: {asked.stderr.strip()}")
        self.context.keep_undone("the stack", self.command("down"), GONE)
        self.context.on_exit(self.save_logs)
        self.wctl("up", "-d", *self.services, seconds=BUILD_SECONDS)
        for name in ("redis_password", "chaos_token"):
            self.context.secret(SECRETS / name)
        for service in self.services:
            self.context.watch_container(service, self.container(service))

    def watch(self, host: str = STATUS) -> None:
        """Its metrics, once it is ready."""
        self.context.eventually(lambda: ready(host) == 1, 60, "the broker is ready")
        self.context.sample(Metrics(f"http://{host}:9002/metrics"))
        seen = self.context.series
        self.context.eventually(
            lambda: bool(seen.get("status2_connections_active")), 10, "metrics come"
        )

    def container(self, service: str) -> str:
        done = self.context.run("container of " + service, [
            "docker", "ps", "-aq",
            "--filter", f"label=com.docker.compose.project={PROJECT}",
            "--filter", f"label=com.docker.compose.service={service}",
        ], 20)  # fmt: skip
        found = done.output.split()
        if not found:
            raise CouldNotRun(f"{service} has no container")
        return found[0]

    def address(self, service: str) -> str:
        done = self.context.run("address of " + service, [
            "docker", "inspect", "-f",
            "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
            self.container(service),
        ], 20)  # fmt: skip
        return done.output.strip()

    def docker(self, verb: str, service: str) -> None:
        self.context.run(f"{verb} {service}", ["docker", verb, self.container(service)])

    def save_logs(self) -> None:
        for service in self.services:
            # After a failed start some may not be there.
            with suppress(CouldNotRun):
                self.logs(service)

    def logs(self, service: str) -> list[dict[str, Any]]:
        """Its log lines so far; those that are no JSON object are left out."""
        text = self.context.run(
            f"logs of {service}", ["docker", "logs", self.container(service)], 60
        ).output
        (self.context.folder / f"{service}.log").write_text(
            self.context.redactor(text)
        )
        found = []
        for line in text.splitlines():
            if line.startswith("{"):
                found.append(json.loads(line))
        return found


# Exits 0 when nothing of the project is left.
GONE = ["sh", "-c",
        'test -z "$(docker ps -aq --filter '
        f'label=com.docker.compose.project={PROJECT})"']  # fmt: skip


def redis_url() -> str:
    return f"redis://{REDIS}:6379/2"


def password_file() -> Path:
    return SECRETS / "redis_password"


def ready(host: str = STATUS, port: int = 9002) -> float:
    """1 if `/ready` says 200, else 0."""
    return float(page("/ready", host, port)[0] == 200)


def page(path: str, host: str = STATUS, port: int = 9002) -> tuple[int, str]:
    """Status and text of an admin page. Errors: OSError if none answers."""
    try:
        with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=2) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def last_outage(host: str = STATUS) -> dict[str, float]:
    """Milliseconds: outage_ms, resume_worst_ms, resume_p95_ms."""
    return dict(json.loads(page("/ready", host)[1])["last_outage"])


def chaos(method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    """The broker's chaos door. Errors: OSError, also where it refuses."""
    token = (SECRETS / "chaos_token").read_text().strip()
    request = urllib.request.Request(
        f"http://{STATUS}:9002/chaos/{path}", method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token}"},
    )  # fmt: skip
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.loads(answer.read() or b"{}")


def kill(actor: str) -> bool:
    """False if it had died before."""
    try:
        chaos("POST", "kill", {"actor": actor})
    except urllib.error.HTTPError as refused:
        if refused.code != GONE_ALREADY:
            raise
        return False
    return True
