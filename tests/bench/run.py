#!/usr/bin/env python3
"""Measures status2 beside a bare epoll loop, or with --resume how soon delivery
resumes after an outage of Redis; README.md says how to read it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import resume
import resume_record
import resume_report
from machine import facts, own_network
from measure import Options, run_all, say
from processes import BenchError, end_on_signals
from ratios import YARDSTICK
from record import Record, load, save
from report import markdown
from resume_faults import SCENARIOS
from resume_record import ResumeRecord
from servers import Server, all_servers, replay_servers, tls_servers
from targets import Verdict, outcomes
from works import NAMED, QUICK, REPLAY, SMOKE, TLS_WORKS, WORKS, Work, growth_works

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "results" / "bench"
BACKENDS = ("status2/epoll", "status2/io_uring")
NAMES = (YARDSTICK, *BACKENDS, "nchan")

# Exit codes; README.md explains them.
MET, MISSED, FAILED, UNKNOWN = 0, 1, 2, 3


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--quick",
        action="store_true",
        help=f"works {', '.join(QUICK)} without nchan, three rounds;"
        " of --resume two rounds, not 60 s",
    )
    which.add_argument("--growth", action="store_true", help="cost by number")
    which.add_argument(
        "--all", action="store_true", help="every work, then --growth"
    )
    which.add_argument(
        "--work", action="append", choices=NAMED, help="this work; may be repeated"
    )
    which.add_argument(
        "--replay",
        action="store_true",
        help="works 1000 and channels: what a tail, ids and event streams cost",
    )
    which.add_argument(
        "--tls",
        action="store_true",
        help="works 300 and 1000 over TLS, by the broker and by nginx before it",
    )
    which.add_argument(
        "--smoke", action="store_true", help="one short run each: does it work?"
    )
    which.add_argument(
        "--report", type=Path, metavar="FILE", help="tables and picture of a saved run"
    )
    parser.add_argument(
        "--server", action="append", choices=NAMES, help="only these and the floor"
    )
    parser.add_argument(
        "--resume", action="store_true", help="delivery after an outage of Redis"
    )
    parser.add_argument(
        "--scenario",
        action="append",
        choices=list(SCENARIOS),
        help="of --resume only this one; may be repeated",
    )
    parser.add_argument(
        "--rounds", type=int, help="5; quick and growth 3; resume 10, of 60 s 3"
    )
    parser.add_argument("--seconds", type=float, default=4.0, help="a window")
    parser.add_argument(
        "--machine-network",
        action="store_true",
        help="the machine's loopback and packet filter, not a namespace of its own",
    )
    parser.add_argument(
        "--build-dir", type=Path, default=ROOT / "build" / "release"
    )
    chosen = parser.parse_args()
    if (chosen.rounds is not None and chosen.rounds < 1) or chosen.seconds <= 0:
        parser.error("--rounds and --seconds must be above 0")
    others = (
        chosen.growth
        or chosen.all
        or chosen.work
        or chosen.server
        or chosen.replay
        or chosen.tls
    )
    if chosen.resume and others:
        parser.error("--resume takes none of --growth, --all, --work, --server, --replay, --tls")
    if chosen.scenario and not chosen.resume:
        parser.error("--scenario needs --resume")
    return chosen


def works_of(chosen: argparse.Namespace) -> list[Work]:
    if chosen.smoke:
        return [SMOKE]
    if chosen.replay:
        return [WORKS[name] for name in REPLAY]
    if chosen.tls:
        return TLS_WORKS
    if chosen.quick:
        return [WORKS[name] for name in QUICK]
    if chosen.work:
        return [WORKS[name] for named in chosen.work for name in NAMED[named]]
    return list(WORKS.values())


def servers_of(
    chosen: argparse.Namespace, growth: bool
) -> tuple[list[Server], dict[str, str]]:
    """Those to measure, and why some that were asked for are left out."""
    if chosen.replay:
        return replay_servers(chosen.build_dir), {}
    if chosen.tls:
        servers, missing = tls_servers(chosen.build_dir)
        for name, why in missing.items():
            say(f"bench: without {name}: {why}")
        return servers, missing
    own = (YARDSTICK, *BACKENDS)
    wanted = own if chosen.quick or chosen.smoke or growth else NAMES
    if chosen.server:
        wanted = (YARDSTICK, *chosen.server)
    servers, missing = all_servers(chosen.build_dir)
    left_out = {name: why for name, why in missing.items() if name in wanted}
    for name, why in left_out.items():
        say(f"bench: without {name}: {why}")
    return [server for server in servers if server.name in wanted], left_out


def perform(chosen: argparse.Namespace, growth: bool, network: bool) -> Record:
    """Measures, and keeps what it measured."""
    kind = "growth" if growth else "bench"
    now = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    known = facts(ROOT, network)
    servers, left_out = servers_of(chosen, growth)
    rounds = chosen.rounds or (3 if chosen.quick or growth else 5)
    options = Options(chosen.build_dir / "status2_load", chosen.seconds, rounds)
    if chosen.smoke:
        options = replace(options, seconds=0.5, rounds=1)
    runs = run_all(servers, growth_works() if growth else works_of(chosen), options)
    known |= {"load_average_after": os.getloadavg()[0], "left_out": left_out}
    return Record(kind, now, known, runs)


def write_report(record: Record, base: Path) -> None:
    """`base`.md and `base`.svg."""
    text = markdown(record)
    print(text)
    base.with_suffix(".md").write_text(text)
    say(f"wrote {base.with_suffix('.md')}")
    try:
        from plots import draw
    except ImportError:
        say("no picture: Debian's package python3-matplotlib is missing")
        return
    if draw(record, base.with_suffix(".svg")):
        say(f"wrote {base.with_suffix('.svg')}")


def verdict(record: Record) -> int:
    faults = {name: count for name, count in record.faults().items() if count}
    if faults:
        say(f"bench: deliveries were at fault: {faults}")
        return MISSED
    return code_of(outcome.verdict for outcome in outcomes(record))


def code_of(verdicts: Iterable[Verdict]) -> int:
    reached = list(verdicts)
    if Verdict.MISSED in reached:
        say(f"bench: {reached.count(Verdict.MISSED)} targets were missed")
        return MISSED
    if Verdict.UNKNOWN in reached:
        say("bench: some targets have no valid round")
        return UNKNOWN
    return MET


def one(chosen: argparse.Namespace, growth: bool, network: bool) -> int:
    record = perform(chosen, growth, network)
    if chosen.smoke:
        print(markdown(record))
        return verdict(record)
    name = f"{record.time}-growth" if growth else record.time
    path = RESULTS / f"{name}.json"
    save(record, path)
    say(f"saved {path}")
    write_report(record, path)
    return verdict(record)


def write_resume_report(record: ResumeRecord, base: Path) -> None:
    """`base`.md; no picture."""
    text = resume_report.markdown(record)
    print(text)
    base.with_suffix(".md").write_text(text)
    say(f"wrote {base.with_suffix('.md')}")


def resume_verdict(record: ResumeRecord) -> int:
    for title in resume_record.silent(record):
        say(f"bench: {title}: no line arrived before the deadline")
    code = code_of(each.verdict for each in resume_record.outcomes(record))
    return MISSED if resume_record.silent(record) else code


def resume_all(chosen: argparse.Namespace) -> int:
    options = resume.Options(
        chosen.build_dir / "status2", chosen.quick, chosen.rounds
    )
    scenarios = resume.scenarios_of(chosen.scenario, chosen.quick, chosen.smoke)
    record = resume.perform(scenarios, options, chosen.machine_network)
    if chosen.smoke:
        print(resume_report.markdown(record))
        return resume_verdict(record)
    path = RESULTS / f"{record.time}-resume.json"
    resume_record.save(record, path)
    say(f"saved {path}")
    write_resume_report(record, path)
    return resume_verdict(record)


def judge_saved(path: Path) -> int:
    if resume_record.is_resume(path):
        resumed = resume_record.load(path)
        write_resume_report(resumed, path)
        return resume_verdict(resumed)
    record = load(path)
    write_report(record, path)
    return verdict(record)


def main() -> int:
    chosen = arguments()
    end_on_signals()
    try:
        if chosen.report:
            return judge_saved(chosen.report)
        if chosen.resume:
            return resume_all(chosen)
        network = not chosen.machine_network and own_network()
        codes = [one(chosen, chosen.growth, network)]
        if chosen.all:
            codes.append(one(chosen, True, network))
    except (BenchError, OSError, ValueError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return FAILED
    return MISSED if MISSED in codes else max(codes)


if __name__ == "__main__":
    sys.exit(main())
