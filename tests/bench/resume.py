"""Measures how soon delivery resumes after an outage of Redis."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from machine import facts, own_network
from measure import say
from processes import BenchError
from resume_faults import QUICK, SCENARIOS, SMOKE, Scenario
from resume_line import Message, missed
from resume_record import NEVER, Measured, ResumeRecord, Round, busiest_second
from resume_redis import Client, accepted_at, docker, subscribed_channels
from resume_redis import subscriber_port
from resume_stage import Connects, Stage, wait_for

ROOT = Path(__file__).resolve().parents[2]
CALM = 40  # messages in a row that arrive before an outage, and after it


@dataclass(frozen=True)
class Options:
    binary: Path
    quick: bool = False
    rounds: int | None = None
    counts_connects: bool = False  # this network namespace is ours


def ms(seconds: float) -> float:
    return seconds * 1000


def calm_down(stage: Stage) -> Message:
    """Returns the last of CALM messages that were accepted after the call; it
    has arrived, and so has all that will arrive of those before it.
    """
    last = len(stage.producer.accepted) + CALM

    def arrived() -> bool:
        stage.require_open()
        seen = stage.viewer.arrived
        known = len(stage.producer.accepted) > last
        return known and bool(seen) and seen[-1].number >= last

    if not wait_for(arrived):
        raise BenchError(f"nothing is delivered: {stage.broker.tail()}")
    return stage.producer.accepted[last]


def first_arrival(arrived: Iterable[Message], number: int) -> Message | None:
    return next((message for message in arrived if message.number >= number), None)


def all_subscribed(stage: Stage, channels: int) -> float | None:
    """When Redis had so many subscribed channels again."""
    with Client(stage.redis.path) as client:
        if wait_for(lambda: subscribed_channels(client) >= channels):
            return time.monotonic()
    return None


def last_channel_live(stage: Stage, channels: int, begin: int) -> float:
    """When a message arrived that Redis accepted after the last SUBSCRIBE: the
    broker reads Redis in order, so it has had every acknowledgement before.
    """
    subscribed = all_subscribed(stage, channels)
    if subscribed is None:
        return NEVER
    accepted, arrived = stage.producer.accepted, stage.viewer.arrived
    if not wait_for(lambda: accepted[-1].at > subscribed):
        raise BenchError("Redis accepts nothing any more")
    marker = next(each for each in accepted[begin:] if each.at > subscribed)
    if not wait_for(lambda: arrived[-1].number >= marker.number):
        return NEVER
    found = first_arrival(arrived, marker.number)
    assert found is not None
    return found.at


def attempt_that_served(stage: Stage) -> float:
    """When Redis accepted the connection that is subscribed now."""
    with Client(stage.redis.path) as client:
        if stage.setting.password:
            client.ask("AUTH", stage.setting.password)
        port = subscriber_port(client)
    when = accepted_at(stage.local.log(), port)
    if when is None:
        raise BenchError("Redis's log does not name the broker's connection")
    return when - time.time() + time.monotonic()


def channels_now(stage: Stage) -> int:
    with Client(stage.redis.path) as client:
        return subscribed_channels(client)


@dataclass(frozen=True)
class Seen:
    """One outage as it was seen; times of time.monotonic(), NEVER possible."""

    first: Message  # the first one that Redis accepted after the outage
    delivered: float  # when the first message arrived that is not older
    live: float | None
    connects: int


def see_outage(stage: Stage, scenario: Scenario, before: Message) -> Seen:
    """Takes Redis away and waits for the first delivery. Errors: BenchError if
    Redis does not come back, or if the broker closes the viewer.
    """
    accepted, arrived = stage.producer.accepted, stage.viewer.arrived
    begin, seen = len(accepted) - 1, len(arrived) - 1
    channels = channels_now(stage) if scenario.setting.channels > 1 else 0
    with Connects() as connects:
        scenario.fault(stage)
        if not wait_for(lambda: accepted[-1].life > before.life):
            raise BenchError("Redis does not come back")
        first = stage.producer.first_after(before.life, begin)
        assert first is not None
        live = last_channel_live(stage, channels, begin) if channels else None
        wait_for(lambda: arrived[-1].number >= first.number)
        stage.require_open()
    found = first_arrival(arrived[seen:], first.number)
    busiest = busiest_second(connects.samples)
    return Seen(first, found.at if found else NEVER, live, busiest)


def measure_round(stage: Stage, scenario: Scenario, counts: bool) -> Round:
    """One outage, and the calm before and after it."""
    before = calm_down(stage)
    seen = see_outage(stage, scenario, before)
    accepted, arrived = stage.producer.accepted, stage.viewer.arrived
    attempt = after = None
    if seen.delivered != NEVER:
        if stage.setting.password:
            attempt = attempt_that_served(stage)
        after = calm_down(stage)
    if seen.live not in (None, NEVER):
        stage.check_crowd()
    last = after or accepted[-1]
    began = seen.first.at
    return Round(
        # A viewer may have the message before the producer has Redis's reply.
        resume_ms=max(ms(seen.delivered - began), 0),
        missed=missed(accepted, arrived, before.number, last.number),
        absent_ms=ms(began - accepted[seen.first.number - 1].at),
        connects=seen.connects if counts else None,
        attempt_ms=None if attempt is None else ms(seen.delivered - attempt),
        live_ms=None if seen.live is None else ms(seen.live - began),
    )


def measure_scenario(scenario: Scenario, options: Options) -> Measured:
    """Its rounds, with one broker; none after a round without a delivery."""
    wanted = scenario.quick_rounds if options.quick else scenario.rounds
    rounds: list[Round] = []
    counts = options.counts_connects and not scenario.setting.container
    with tempfile.TemporaryDirectory(prefix="status2-bench-") as name:
        with Stage(options.binary, Path(name), scenario.setting) as stage:
            for number in range(options.rounds or wanted):
                rounds.append(measure_round(stage, scenario, counts))
                last = rounds[-1]
                say(
                    f"{scenario.title}, round {number + 1}: resumed after"
                    f" {last.resume_ms:.1f} ms, {last.missed} missed"
                )
                if last.resume_ms == NEVER:
                    break
    return Measured(scenario.name, scenario.title, rounds)


def container_obstacle() -> str:
    """Why no container can be measured; empty if one can."""
    if shutil.which("docker") is None:
        return "docker is not installed"
    try:
        docker("version")
    except BenchError as error:
        return str(error)
    return ""


def scenarios_of(names: list[str] | None, quick: bool, smoke: bool) -> list[Scenario]:
    if smoke:
        return [SMOKE]
    chosen = names or (QUICK if quick else SCENARIOS)
    return [scenario for name, scenario in SCENARIOS.items() if name in chosen]


def perform(
    scenarios: list[Scenario], options: Options, machine_network: bool
) -> ResumeRecord:
    """Containers first: from the network of its own no process reaches them."""
    now = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    known = facts(ROOT, False)
    left_out: dict[str, str] = {}
    measured: list[Measured] = []

    def leave_out(scenario: Scenario, why: str) -> None:
        left_out[scenario.title] = why
        say(f"bench: without {scenario.title}: {why}")

    in_containers = [each for each in scenarios if each.setting.container]
    obstacle = container_obstacle() if in_containers else ""
    for scenario in in_containers:
        if obstacle:
            leave_out(scenario, obstacle)
        else:
            measured.append(measure_scenario(scenario, options))
    own = not machine_network and own_network()
    options = replace(options, counts_connects=own)
    for scenario in scenarios:
        if scenario.setting.container:
            continue
        if scenario.setting.moves and os.geteuid() != 0:
            leave_out(scenario, "only root may give the broker its own /etc/hosts")
        else:
            measured.append(measure_scenario(scenario, options))
    known |= {
        "own_network": own,
        "load_average_after": os.getloadavg()[0],
        "left_out": left_out,
    }
    return ResumeRecord(now, known, measured)
