#!/usr/bin/env python3
"""status2_netem between two network namespaces; needs root and iptables.

Run by ctest, which names the program in STATUS2_NETEM.
"""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import unittest
from typing import Any

from namespaces import Namespace, connect, hurry, prepare_child
from traffic import UdpClient, UdpEcho, tcp_round_trip

PROGRAM = os.environ.get("STATUS2_NETEM", "build/dev/status2_netem")
OK, USAGE, REFUSED, LEFT_OVER = 0, 2, 3, 5
# What the machine may add to a mean: two processes wake for each datagram.
SLACK_MS = 10.0


class Run:
    """One `status2_netem run` in a namespace, active when this returns."""

    def __init__(self, home: Namespace, flags: str) -> None:
        with home.entered():
            self.process = subprocess.Popen(
                [PROGRAM, "run", "--interface", "eth0", *flags.split()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                preexec_fn=prepare_child,
            )
        assert self.process.stderr is not None
        said = self.process.stderr.readline()
        if "active on eth0" not in said:
            said += self.process.communicate(timeout=10)[1]
            raise AssertionError(f"run {flags}: {said}")

    def end(self, number: signal.Signals = signal.SIGTERM) -> dict[str, Any]:
        """Asks it to end; what it counted."""
        self.process.send_signal(number)
        return self.result()

    def result(self) -> dict[str, Any]:
        out, err = self.process.communicate(timeout=10)
        if self.process.returncode != OK:
            raise AssertionError(f"exit {self.process.returncode}: {err}")
        (line,) = out.splitlines()
        return dict(json.loads(line))

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


class NetemTest(unittest.TestCase):
    def setUp(self) -> None:
        self.near = Namespace("10.57.42.1")
        self.addCleanup(self.near.close)
        self.far = Namespace("10.57.42.2")
        self.addCleanup(self.far.close)
        connect(self.near, self.far)

    def start(self, home: Namespace, flags: str) -> Run:
        run = Run(home, flags)
        self.addCleanup(run.close)
        return run

    def echo(self) -> UdpEcho:
        echo = UdpEcho(self.far)
        self.addCleanup(echo.close)
        return echo

    def client(self, echo: UdpEcho) -> UdpClient:
        client = UdpClient(self.near, (self.far.address, echo.port))
        self.addCleanup(client.close)
        return client

    def tool(self, *words: str) -> subprocess.CompletedProcess[str]:
        with self.near.entered():
            return subprocess.run(
                [PROGRAM, *words], text=True, capture_output=True, timeout=20, check=False
            )

    def rules(self, home: Namespace | None = None) -> str:
        saved = (home or self.near).run("iptables-save")
        return "".join(line + "\n" for line in saved.splitlines() if line[:2] == "-A")

    def assert_clean(self, home: Namespace | None = None) -> None:
        self.assertNotIn("status2-drill:", self.rules(home))

    def test_delay_spread_and_loss_are_those_asked_for(self) -> None:
        client = self.client(self.echo())
        run = self.start(
            self.near, "--direction out --delay 100ms --jitter 40ms --loss 3% --seed 7"
        )
        seen = client.measure(4000, 1500)
        told = run.end()
        self.assertEqual(told["packets"], seen.sent)
        self.assertEqual(told["dropped"], seen.lost)
        self.assertEqual(told["kernel_dropped"], 0)
        self.assertEqual(told["released_early"], 0)
        # Four standard errors; the mean and the spread have the machine's
        # delay on top, never below.
        self.assertAlmostEqual(
            seen.lost / seen.sent, 0.03, delta=4 * math.sqrt(0.03 * 0.97 / seen.sent)
        )
        self.assertGreaterEqual(min(seen.delays), 60.0)
        spread = 40 / math.sqrt(3)
        error = 4 * spread / math.sqrt(seen.sent)
        self.assertGreater(seen.mean, 100 - error)
        self.assertLess(seen.mean, 100 + error + SLACK_MS)
        self.assertGreater(seen.spread, spread - error)
        self.assertLess(seen.spread, math.hypot(spread, SLACK_MS) + error)
        # What it says of itself is what was measured from outside.
        self.assertAlmostEqual(told["delay_mean_ms"], seen.mean, delta=SLACK_MS)
        self.assertAlmostEqual(told["delay_p50_ms"], 100, delta=3 * error + SLACK_MS)
        self.assertAlmostEqual(told["delay_p95_ms"], 136, delta=3 * error + SLACK_MS)
        self.assertGreater(told["held_max"], 100)

    def test_only_the_named_port_and_direction_are_delayed(self) -> None:
        slow_echo, other_echo = self.echo(), self.echo()
        slow, other = self.client(slow_echo), self.client(other_echo)
        run = self.start(
            self.far,
            f"--direction in --protocol udp --local-port {slow_echo.port}"
            " --delay 200ms --distribution normal --jitter 10ms",
        )
        untouched = other.measure(200, 1000)
        seen = slow.measure(1000, 1000)
        told = run.end(signal.SIGINT)
        self.assertEqual((untouched.lost, seen.lost), (0, 0))
        self.assertEqual(told["packets"], 1000)
        self.assertLess(untouched.mean, 100)
        self.assertGreater(seen.mean, 198)
        self.assertLess(seen.mean, 202 + SLACK_MS)
        # Beyond what a uniform draw could give.
        self.assertGreater(max(seen.delays) - min(seen.delays), 30)
        self.assertGreater(seen.spread, 8.5)

    def test_a_peer_port_is_the_other_side_of_each_direction(self) -> None:
        echo = self.echo()
        for way in ("out", "in"):
            client = self.client(echo)
            run = self.start(
                self.near, f"--direction {way} --protocol udp --peer-port {echo.port}"
            )
            seen = client.measure(50, 1000)
            self.assertEqual((seen.lost, run.end()["packets"]), (0, 50))

    def test_a_tcp_stream_stays_intact(self) -> None:
        data = random.Random(1).randbytes(1 << 20)
        run = self.start(
            self.far, "--direction in --delay 10ms --jitter 5ms --loss 1%"
        )
        self.assertEqual(tcp_round_trip(self.near, self.far, data), data)
        told = run.end()
        self.assertGreater(told["packets"], 300)
        self.assertGreater(told["dropped"], 0)

    def test_sigterm_removes_the_rule_and_releases_what_is_held(self) -> None:
        client = self.client(self.echo())
        run = self.start(self.near, "--direction out --delay 9s")
        start = time.monotonic()
        for _ in range(250):
            client.send()
        # The second half is still on its way from the kernel at the end.
        run.process.send_signal(signal.SIGSTOP)
        for _ in range(250):
            client.send()
        run.process.send_signal(signal.SIGTERM)
        told = run.end(signal.SIGCONT)
        self.assert_clean()
        client.receive_until(start + 8)
        self.assertEqual(client.measured().lost, 0)
        self.assertLess(max(client.measured().delays), 8000)
        self.assertEqual((told["packets"], told["released_early"]), (500, 500))
        self.assertIsNone(told["delay_mean_ms"])

    def test_it_ends_by_itself_after_the_time_given(self) -> None:
        start = time.monotonic()
        told = self.start(self.near, "--direction in --for 300ms").result()
        self.assertGreaterEqual(time.monotonic() - start, 0.3)
        self.assertEqual(told["packets"], 0)
        self.assert_clean()

    def test_after_a_sigkill_traffic_flows_and_cleanup_removes_the_rule(self) -> None:
        foreign = [
            "-t mangle -A OUTPUT -m comment --comment keeper",
            "-A INPUT -m comment --comment not-status2-drill:x -j RETURN",
        ]
        for rule in foreign:
            self.near.run("iptables", "-w", *rule.split())
        before = self.rules()
        echo = self.echo()
        held, client = self.client(echo), self.client(echo)
        run = self.start(self.near, "--direction out --delay 5s --mark killed")
        for _ in range(20):
            held.send()
        run.close()
        seen = client.measure(100, 1000)
        self.assertEqual(seen.lost, 0)
        self.assertLess(seen.mean, 1000)
        # It did hold packets: they are gone, where later ones have passed.
        held.receive_until(time.monotonic())
        self.assertEqual(held.measured().lost, 20)

        status = self.tool("status")
        self.assertEqual(status.returncode, LEFT_OVER)
        self.assertIn("status2-drill:killed", status.stdout)
        again = self.tool(*"run --interface eth0 --direction in".split())
        self.assertEqual(again.returncode, REFUSED)
        self.assertIn("status2-drill:killed", again.stderr)
        for removed in (1, 0):
            cleanup = self.tool("cleanup")
            self.assertEqual(cleanup.returncode, OK, cleanup.stderr)
            self.assertEqual(cleanup.stdout.count("removed"), removed)
        self.assertEqual(self.tool("status").returncode, OK)
        self.assertEqual(self.rules(), before)

    def test_cleanup_finds_marked_rules_of_every_table(self) -> None:
        rule = '-A INPUT -m comment --comment "status2-drill:a b" -j ACCEPT'
        self.near.run("sh", "-c", f"iptables -w {rule}; iptables -w -t nat {rule}")
        self.assertEqual(self.rules().count("status2-drill:a b"), 2)
        self.assertEqual(self.tool("cleanup").returncode, OK)
        self.assert_clean()

    def test_a_foreign_qdisc_is_refused_and_survives(self) -> None:
        add = "tc qdisc add dev eth0 root handle 77: tbf rate 1gbit burst 1m latency 1s"
        self.near.run(*add.split())
        run = self.tool(*"run --interface eth0 --direction out".split())
        self.assertEqual(run.returncode, REFUSED)
        self.assertIn("tbf 77:", run.stderr)
        self.assertIn("tbf 77:", self.near.run("tc", "qdisc", "show", "dev", "eth0"))
        self.assert_clean()

    def test_a_queue_of_another_process_is_refused(self) -> None:
        # In a namespace a queue is bound once; the rule of the first is taken
        # away, so that the second gets as far as the queue.
        first = self.start(self.near, "--direction out")
        self.assertEqual(self.tool("cleanup").returncode, OK)
        second = self.tool(*"run --interface eth0 --direction out".split())
        self.assertEqual(second.returncode, REFUSED)
        self.assertIn("NFQUEUE 5742", second.stderr)
        # A rule that is gone already is no error at the end.
        self.assertEqual(first.end()["packets"], 0)

    def test_what_cannot_be_is_refused(self) -> None:
        missing = self.tool(*"run --interface none0 --direction out".split())
        self.assertEqual(missing.returncode, REFUSED)
        self.assertIn("none0", missing.stderr)
        for flags in ("", "--interface eth0", "--interface eth0 --direction up"):
            self.assertEqual(self.tool("run", *flags.split()).returncode, USAGE)
        self.assert_clean()

    def test_the_probe_says_what_works_and_leaves_nothing(self) -> None:
        before = self.near.run("ip", "-o", "link").count("\n")
        probe = self.tool("probe")
        self.assertEqual(probe.returncode, OK)
        self.assertIn("nfqueue yes\n", probe.stdout)
        self.assertRegex(probe.stdout, r"(?m)^tc (yes|no: .+)$")
        self.assertEqual(self.near.run("ip", "-o", "link").count("\n"), before)
        self.assert_clean()


def main() -> None:
    if os.geteuid() != 0:
        sys.exit("netem_test: root is needed, for network namespaces")
    for program in ("iptables", "iptables-save", "ip", "tc", PROGRAM):
        if shutil.which(program) is None:
            sys.exit(f"netem_test: {program} is missing (apt: iptables iproute2)")
    hurry()
    unittest.main()


if __name__ == "__main__":
    main()
