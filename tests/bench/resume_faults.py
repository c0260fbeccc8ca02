"""The scenarios: how Redis goes away and comes back. One row a scenario."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from resume_redis import Client
from resume_stage import AcceptAndClose, Setting, Stage, with_viewer

Fault = Callable[[Stage], None]
PASSWORD, OTHER_PASSWORD = "bench", "other"
MANY = 20000


@dataclass(frozen=True)
class Scenario:
    """The fault returns when Redis is about to accept messages again."""

    name: str
    title: str
    fault: Fault
    setting: Setting = Setting()
    rounds: int = 10
    quick_rounds: int = 2


def gone(seconds: float) -> Fault:
    def fault(stage: Stage) -> None:
        stage.local.end()
        time.sleep(seconds)
        stage.local.start()

    return fault


def killed(stage: Stage) -> None:
    stage.local.end(at_once=True)
    stage.local.start()


def restarted(stage: Stage) -> None:
    stage.container.restart()


def moved(stage: Stage) -> None:
    stage.local.end()
    time.sleep(1)
    stage.move()
    stage.local.start()


def closing(stage: Stage) -> None:
    stage.local.end()
    with AcceptAndClose(stage.local.address, stage.local.port):
        time.sleep(5)
    stage.local.start()


def wrong_password(stage: Stage) -> None:
    """Logs everybody out, and lets nobody in for a while."""
    with Client(stage.local.path) as client:
        client.ask("AUTH", PASSWORD)
        client.ask("CONFIG", "SET", "requirepass", OTHER_PASSWORD)
        client.ask("CLIENT", "KILL", "TYPE", "pubsub")
        client.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        time.sleep(3)
        client.ask("CONFIG", "SET", "requirepass", PASSWORD)


def many_title() -> str:
    kept = with_viewer(MANY - 1) + 1  # the watched line has one
    title = f"gone for 1 s, {MANY:,} channels"
    if kept < MANY:
        title += f" ({kept:,} with a viewer, {MANY - kept:,} whose viewer left)"
    return title


SMOKE = Scenario("smoke", "gone for 0.3 s, once", gone(0.3), rounds=1)

SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        # First, while this process is still in the machine's network.
        Scenario(
            "docker",
            "docker restart, on the machine's bridge",
            restarted,
            Setting(container=True),
        ),
        Scenario("gone-0.3", "gone for 0.3 s", gone(0.3)),
        Scenario("gone-5", "gone for 5 s", gone(5)),
        Scenario("gone-60", "gone for 60 s", gone(60), rounds=3, quick_rounds=1),
        Scenario("killed", "SIGKILL, started at once", killed),
        Scenario("moved", "another address after 1 s", moved, Setting(moves=True)),
        Scenario("closing", "accepts and closes for 5 s", closing),
        Scenario(
            "password",
            "wrong password for 3 s",
            wrong_password,
            Setting(password=PASSWORD),
        ),
        Scenario("channels", many_title(), gone(1), Setting(channels=MANY)),
    )
}
QUICK = tuple(name for name in SCENARIOS if name != "gone-60")
