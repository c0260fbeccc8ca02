"""Resume after an outage: figures, verdicts, tables and the watched line."""

from __future__ import annotations

import contextlib
import io
import resource
import socket
import tempfile
import threading
import unittest
from dataclasses import fields
from pathlib import Path
from unittest import mock

from bench_test import MACHINE
from resume_faults import QUICK, SCENARIOS
from resume_line import Message, Producer, missed
from resume_record import NEVER, TARGETS, Measured, Of, ResumeRecord, Round
from resume_record import busiest_second, is_resume, judge, load, outcomes, save
from resume_record import silent, statistic
from resume_redis import accepted_at, subscriber_port
from resume_report import markdown
from resume_stage import PORTS, active_opens, steady_port, wait_for, with_viewer
from run import MET, MISSED, UNKNOWN, resume_verdict
from targets import Verdict

SNMP = """\
Ip: Forwarding DefaultTTL
Ip: 1 64
Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens
Tcp: 1 200 120000 -1 71 12
"""

LOG = """\
7:C 25 Nov 2026 11:59:04.728 # Configuration loaded
7:M 25 Nov 2026 11:59:05.276 - Accepted connection to /tmp/redis.sock
7:M 25 Nov 2026 11:59:05.500 - Accepted 127.0.0.1:40001
7:M 25 Nov 2026 11:59:06.250 - Accepted 127.0.0.1:40002
7:M 25 Nov 2026 11:59:08.750 - Accepted 127.0.0.1:40001
"""


def measured(name: str, *rounds: Round) -> Measured:
    return Measured(name, SCENARIOS[name].title, list(rounds))


def record(*scenarios: Measured) -> ResumeRecord:
    return ResumeRecord("20260101T000000Z", MACHINE, list(scenarios))


def resumed(ms: float, connects: int | None = None) -> Round:
    return Round(ms, 3, 5000, connects)


class Figures(unittest.TestCase):
    def test_the_busiest_second_is_found_wherever_it_begins(self) -> None:
        knocks = [(0.25 * i, i) for i in range(40)]
        self.assertEqual(busiest_second(knocks), 4)
        burst = [*knocks, (9.8, 49), (9.9, 59), (20.0, 60)]
        self.assertEqual(busiest_second(burst), 23)

    def test_a_shorter_outage_counts_as_a_second(self) -> None:
        self.assertEqual(busiest_second([(5.0, 100), (5.3, 107)]), 7)
        self.assertEqual(busiest_second([]), 0)

    def test_a_median_and_a_worst_value_come_from_the_rounds(self) -> None:
        self.assertEqual(statistic([30, 10, 90], Of.MEDIAN), 30)
        self.assertEqual(statistic([30, 10, 90], Of.WORST), 90)
        self.assertIsNone(statistic([], Of.WORST))

    def test_missed_are_accepted_numbers_of_the_round_that_never_arrived(self) -> None:
        accepted = [Message(number, 0) for number in range(10)]
        arrived = [Message(number, 0) for number in (2, 3, 4, 7, 9)]
        self.assertEqual(missed(accepted, arrived, 3, 9), 3)
        self.assertEqual(missed(accepted, arrived, 7, 7), 0)

    def test_the_kernel_says_how_many_connects_there_were(self) -> None:
        self.assertEqual(active_opens(SNMP), 71)

    def test_the_log_says_when_a_connection_was_accepted_last(self) -> None:
        late, early = accepted_at(LOG, 40001), accepted_at(LOG, 40002)
        assert late is not None and early is not None
        self.assertAlmostEqual(late - early, 2.5)
        self.assertIsNone(accepted_at(LOG, 40003))

    def test_the_subscriber_is_who_subscribed_to_something(self) -> None:
        client = mock.Mock()
        client.ask.return_value = (
            "id=3 addr=127.0.0.1:40001 laddr=127.0.0.1:6379 db=0 sub=0 psub=0\n"
            "id=4 addr=127.0.0.1:40002 laddr=127.0.0.1:6379 db=2 sub=2 psub=0\n"
        )
        self.assertEqual(subscriber_port(client), 40002)


class Targets(unittest.TestCase):
    def test_each_is_of_a_scenario_and_a_figure_that_exist(self) -> None:
        self.assertEqual({target.scenario for target in TARGETS}, set(SCENARIOS))
        known = {field.name for field in fields(Round)}
        self.assertLessEqual({target.figure for target in TARGETS}, known)
        self.assertLess(set(QUICK), set(SCENARIOS))

    def test_a_value_at_the_bound_meets_it_and_spread_excuses_nothing(self) -> None:
        self.assertIs(judge(100, 100), Verdict.MET)
        self.assertIs(judge(100.1, 100), Verdict.MISSED)
        self.assertIs(judge(NEVER, 100), Verdict.MISSED)
        self.assertIs(judge(None, 100), Verdict.UNKNOWN)

    def test_the_median_may_be_met_and_the_worst_round_missed(self) -> None:
        rounds = [resumed(40), resumed(250), resumed(100)]
        found = outcomes(record(measured("killed", *rounds)))
        self.assertEqual(
            [(o.target.of, o.seen, o.verdict) for o in found],
            [(Of.MEDIAN, 100, Verdict.MET), (Of.WORST, 250, Verdict.MISSED)],
        )

    def test_a_wrong_password_is_judged_from_the_attempt(self) -> None:
        found = outcomes(record(measured("password", Round(2500, 400, 3000, 2, 15))))
        self.assertEqual([o.seen for o in found], [15, 15, 2])
        self.assertEqual({o.verdict for o in found}, {Verdict.MET})

    def test_of_many_channels_the_last_one_is_judged(self) -> None:
        ran = Round(20, 3, 1000, 20, live_ms=1200)
        (found,) = outcomes(record(measured("channels", ran)))
        self.assertEqual((found.seen, found.verdict), (1200, Verdict.MISSED))


class ExitCode(unittest.TestCase):
    def of(self, *scenarios: Measured) -> int:
        with contextlib.redirect_stderr(io.StringIO()):
            return resume_verdict(record(*scenarios))

    def test_all_targets_met_is_0(self) -> None:
        self.assertEqual(self.of(measured("gone-5", resumed(60, 25))), MET)

    def test_too_many_connects_are_1(self) -> None:
        self.assertEqual(self.of(measured("gone-5", resumed(60, 31))), MISSED)

    def test_silence_until_the_deadline_is_1_with_and_without_a_target(self) -> None:
        self.assertEqual(self.of(measured("killed", resumed(NEVER))), MISSED)
        smoke = Measured("smoke", "a smoke test", [resumed(NEVER)])
        self.assertEqual(self.of(smoke), MISSED)

    def test_a_target_without_a_value_is_3(self) -> None:
        self.assertEqual(self.of(measured("gone-5", resumed(60))), UNKNOWN)


class Saved(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "a.json"

    def test_a_record_comes_back_as_it_was(self) -> None:
        ran = record(measured("killed", resumed(40), resumed(NEVER)))
        save(ran, self.path)
        self.assertTrue(is_resume(self.path))
        self.assertEqual(load(self.path), ran)

    def test_another_file_is_refused(self) -> None:
        for text in ('{"kind": "bench", "format": 1}', '{"kind": "resume"}'):
            self.path.write_text(text)
            with self.assertRaises(ValueError):
                load(self.path)

    def test_the_page_tells_verdicts_figures_and_silence(self) -> None:
        text = markdown(
            record(
                measured("gone-5", resumed(60.25, 21), resumed(150.75, 24)),
                measured("channels", Round(12, 3, 1000, 20, live_ms=700)),
                measured("moved", resumed(NEVER, 22)),
            )
        )
        for part in (
            "| gone for 5 s | resume, median | ≤ 100 ms | 105.5 ms | 2 | **missed** |",
            "| gone for 5 s | resume, worst | ≤ 200 ms | 150.8 ms | 2 | met |",
            "| gone for 5 s | connects in a second, worst | ≤ 30 | 24 | 2 | met |",
            "| gone for 5 s | 2 | 5.0 | 105.5 | 150.8 | – | – | – | – | 3 | 3 | 24 |",
            "| last channel live, worst | ≤ 1000 ms | 700.0 ms | 1 | met |",
            "**another address after 1 s: no line arrived before the deadline.**",
            "| resume, worst | ≤ 200 ms | never | 1 | **missed** |",
            "Left out: nchan, because it is not there.",
        ):
            self.assertIn(part, text)


class Crowd(unittest.TestCase):
    def kept(self, hard: int) -> int:
        with mock.patch.object(resource, "getrlimit", return_value=(1024, hard)):
            return with_viewer(20000)

    def test_channels_that_no_descriptor_is_left_for_have_no_viewer(self) -> None:
        self.assertEqual(self.kept(20000), 19000)
        self.assertEqual(self.kept(resource.RLIM_INFINITY), 19500)
        with mock.patch.object(resource, "getrlimit", return_value=(1024, 20000)):
            self.assertEqual(with_viewer(300), 300)


class Ports(unittest.TestCase):
    def test_the_port_of_redis_is_none_that_an_outgoing_connection_gets(self) -> None:
        self.assertLess(steady_port(), int(PORTS.read_text().split()[0]))


class LineUnderFaults(unittest.TestCase):
    """A producer at a Redis that answers as a test wants."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "redis.sock"

    def serve(self, *lives: list[str]) -> Producer:
        """A connection a life, with these replies; then it is closed."""
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(str(self.path))
        listener.listen()
        self.asked: list[bytes] = []

        def work() -> None:
            for replies in lives:
                connection, _ = listener.accept()
                with connection:
                    for reply in replies:
                        self.asked.append(connection.recv(4096))
                        connection.sendall(f"{reply}\r\n".encode())

        thread = threading.Thread(target=work)
        thread.start()
        producer = Producer(self.path, "secret")
        self.addCleanup(producer.stop)
        thread.join()
        return producer

    def test_a_number_that_redis_refused_is_published_again(self) -> None:
        producer = self.serve(["+OK", ":1", "-LOADING Redis is loading", ":1"])
        self.assertTrue(wait_for(lambda: len(producer.accepted) == 2, 20))
        self.assertEqual([m.number for m in producer.accepted], [0, 1])
        self.assertEqual(self.asked[2], self.asked[3])

    def test_a_life_is_a_connection_on_which_something_was_accepted(self) -> None:
        producer = self.serve(
            ["+OK", ":1"],
            ["-WRONGPASS no", "-WRONGPASS no"],
            ["-WRONGPASS no", "+OK", ":0", ":1"],
        )
        self.assertTrue(wait_for(lambda: len(producer.accepted) == 3, 20))
        self.assertEqual([m.life for m in producer.accepted], [1, 2, 2])
        first = producer.first_after(1)
        assert first is not None
        self.assertEqual(first.number, 1)
        self.assertIsNone(producer.first_after(2))


if __name__ == "__main__":
    unittest.main()
