"""What a page lives through, the same in every browser."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import tempfile
import unittest
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from remote import eventually
from stage import CHANNEL, SOURCES, Stage
from tokens import key_file, token
from tree import descendants

BINARY = Path(os.environ.get("STATUS2_BINARY", "build/dev/status2")).resolve()

# Waits between attempts are the shortest: a test would wait for chance else.
WATCH = """(async () => {
  Math.random = () => 0;
  const {watch} = await import("/status2.js");
  window.log = {message: [], gap: [], resumed: [], state: []};
  const options = %s;
  // One after the other, the last one again and again.
  if (options.tokens)
    options.token = () => options.tokens.length > 1
      ? options.tokens.shift() : options.tokens[0];
  window.lines = watch(%s, options);
  for (const type in log)
    lines.addEventListener(type, ({data}) => log[type].push(data));
  log.latched = [];
  lines.addEventListener('message',
    ({data, latched}) => latched && log.latched.push(data));
})()"""


class Scenarios:
    """Mixed into a TestCase per browser, which has `start_browser`."""

    browser: Any

    @classmethod
    def setUpClass(cls) -> None:
        cls.ends = ExitStack()
        cls.folder = Path(cls.ends.enter_context(tempfile.TemporaryDirectory()))
        try:
            cls.browser = cls.start_browser(cls.folder)
        except BaseException:
            cls.ends.close()
            raise
        cls.ends.callback(cls.browser.stop)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.ends.close()

    def setUp(self) -> None:
        self.own = ExitStack()
        self.addCleanup(self.own.close)

    def begin(self, **variables: str) -> Stage:
        folder = tempfile.TemporaryDirectory()
        self.own.enter_context(folder)
        self.stage = self.own.enter_context(
            Stage(BINARY, Path(folder.name), **variables)
        )
        self.page = self.open()
        return self.stage

    def open(self) -> Any:
        page = self.browser.open(self.stage.site + "/")
        self.own.callback(page.close)
        return page

    def address(self, scheme: str = "ws") -> str:
        return f"{scheme}://127.0.0.1:{self.stage.gate.port}/{CHANNEL}"

    def watch(self, page: Any = None, **options: Any) -> None:
        """Watches in the page, through the gate, and waits until it is live."""
        page = page or self.page
        options = {"tail": 100} | options
        page.run(WATCH % (json.dumps(options), json.dumps(self.address())))
        self.until("lines.state == 'live'", page)

    def until(self, condition: str, page: Any = None) -> None:
        page = page or self.page

        def holds() -> bool:
            return bool(page.run(condition))

        try:
            eventually(holds, condition)
        except AssertionError as error:
            shown = page.run("JSON.stringify([window.lines, window.log])")
            raise AssertionError(f"{error}\n{shown}") from None

    def lines_are(self, *wanted: object, page: Any = None) -> None:
        """The messages so far, once the last one is there."""
        page = page or self.page
        self.until(f"log.message.at(-1) == {json.dumps(str(wanted[-1]))}", page)
        found = page.run("log.message")
        self.assertEqual(found, [str(line) for line in wanted])  # type: ignore

    def states(self) -> list[str]:
        found: list[str] = self.page.run("log.state.map(({state}) => state)")
        return found

    def end_well(self) -> None:
        """Nothing was reported as an error, and nothing is left behind."""
        self.page.run("lines.close()")
        self.assertEqual(self.page.run("lines.state"), "closed")  # type: ignore
        self.assertEqual(self.page.window_listeners(), 0)  # type: ignore
        self.assertEqual(self.page.errors, [])  # type: ignore

    def test_lines_come_in_order_from_the_tail_on(self) -> None:
        stage = self.begin()
        self.watch(tail=0)
        stage.publish(1, 2, 3)
        self.lines_are(1, 2, 3)
        late = self.open()
        self.watch(late, tail=2)
        stage.publish(4)
        self.lines_are(2, 3, 4, page=late)
        self.end_well()

    def test_restart_of_the_broker(self) -> None:
        stage = self.begin()
        self.watch()
        stage.publish(1, 2, 3)
        self.lines_are(1, 2, 3)
        stage.stop_broker()
        self.until("lines.state == 'connecting'")
        stage.start_broker()
        self.until("lines.state == 'live'")
        stage.publish(4, 5)
        self.lines_are(1, 2, 3, 4, 5)
        self.assertEqual(self.page.run("lines.missed"), 1)
        self.assertEqual(self.page.run("log.gap[0].cause"), "elsewhere")
        self.end_well()

    def test_restart_of_redis(self) -> None:
        stage = self.begin()
        self.watch()
        stage.publish(1, 2)
        self.lines_are(1, 2)
        stage.restart_redis()
        stage.publish(3, 4)
        self.lines_are(1, 2, 3, 4)
        self.assertEqual(self.page.run("log.gap[0].cause"), "redis")
        self.assertNotIn("connecting", self.states())
        self.end_well()

    def test_offline_and_online(self) -> None:
        stage = self.begin()
        self.watch(heartbeat=1)
        stage.publish(1, 2)
        self.lines_are(1, 2)
        stage.gate.stall()
        self.page.go_offline(True)
        self.until("lines.state == 'connecting'")
        stage.publish(3, 4)
        stage.gate.go_on()
        self.page.go_offline(False)
        self.lines_are(1, 2, 3, 4)
        self.until("lines.state == 'live'")
        self.assertEqual(self.page.run("lines.missed"), 0)
        self.assertTrue(self.page.run("log.resumed.at(-1).complete"))
        self.end_well()

    def test_a_dead_connection_that_looks_open(self) -> None:
        stage = self.begin()
        self.watch(heartbeat=1)
        stage.publish(1)
        self.lines_are(1)
        stage.gate.stall()
        self.until("log.state.some(({state}) => state == 'stale')")
        stage.publish(2)
        self.until("lines.state == 'connecting'")
        stage.gate.go_on()
        self.lines_are(1, 2)
        self.assertEqual(self.page.run("lines.missed"), 0)
        self.end_well()

    def test_a_proxy_that_cuts_idle_connections(self) -> None:
        stage = self.begin()
        self.watch()
        stage.gate.idle = 0.1  # heartbeats come every 0.2 s
        for number in range(1, 4):
            cuts = stage.gate.cuts
            eventually(lambda n=cuts: stage.gate.cuts > n, "a cut")
            stage.publish(number)
        self.lines_are(1, 2, 3)
        self.assertEqual(self.page.run("lines.missed"), 0)
        stage.gate.idle = None
        self.until("lines.state == 'live'")
        self.end_well()

    def test_an_event_stream_where_websockets_are_blocked(self) -> None:
        stage = self.begin()
        stage.gate.refuses_upgrade = True
        self.watch()
        stage.publish(1, 2)
        self.lines_are(1, 2)
        self.assertEqual(stage.metric("status2_event_streams_active"), 1)
        accepted = stage.gate.accepted
        stage.gate.cut()
        eventually(lambda: stage.gate.accepted > accepted, "a new attempt")
        stage.publish(3)
        self.lines_are(1, 2, 3)
        self.assertEqual(self.page.run("lines.missed"), 0)
        self.until("lines.state == 'live'")
        stage.restart_redis()
        stage.publish(4)
        self.lines_are(1, 2, 3, 4)
        self.assertEqual(self.page.run("log.gap[0].cause"), "redis")
        self.end_well()

    def begin_with_tokens(self) -> Stage:
        folder = self.own.enter_context(tempfile.TemporaryDirectory())
        return self.begin(STATUS_JWT_KEY_FILE=key_file(Path(folder)))

    def test_a_token_is_renewed_in_place(self) -> None:
        stage = self.begin_with_tokens()
        short = [token(4), token(8), token(3600)]
        self.watch(tokens=short, heartbeat=1)
        stage.publish(1)
        eventually(
            lambda: stage.metric("status2_tokens_renewed_total") >= 2, "renewals"
        )
        stage.publish(2)
        self.lines_are(1, 2)
        self.assertEqual(self.states(), ["live"])
        self.end_well()

    def test_a_wrong_token_and_one_that_ends_are_recovered_from(self) -> None:
        stage = self.begin_with_tokens()
        ends_soon = token(-28)  # within the leeway for two more seconds
        self.watch(tokens=["wrong", ends_soon, token(3600)])
        stage.publish(1)
        self.until("log.state.some(({reason}) => reason == 'code 4401')")
        self.until("lines.state == 'live'")
        stage.publish(2)
        self.lines_are(1, 2)
        self.end_well()

    def test_an_event_stream_with_a_token_gets_a_ticket_each_time(self) -> None:
        stage = self.begin_with_tokens()
        stage.gate.refuses_upgrade = True
        self.watch(token=token(3600))
        stage.publish(1)
        self.lines_are(1)
        accepted = stage.gate.accepted
        stage.gate.cut()
        eventually(lambda: stage.gate.accepted > accepted, "a new attempt")
        stage.publish(2)
        self.lines_are(1, 2)
        self.assertEqual(stage.metric("status2_event_streams_active"), 1)
        self.assertGreaterEqual(stage.metric("status2_tickets_made_total"), 2)
        self.end_well()

    def test_a_sleep_that_the_broker_does_not_wait_for(self) -> None:
        stage = self.begin(STATUS_PONG_TIMEOUT="1s")
        self.watch()
        self.page.run("Date.now = (now => () => now() + 36e5)(Date.now)")
        stage.publish(1)
        self.lines_are(1)
        self.stop_the_browser(signal.SIGSTOP)
        try:
            eventually(
                lambda: stage.metric("status2_connections_active") == 0,
                "the broker closes the page that does not answer",
            )
            stage.publish(2, 3)
        finally:
            self.stop_the_browser(signal.SIGCONT)
        self.lines_are(1, 2, 3)
        self.assertEqual(self.page.run("lines.missed"), 0)
        self.end_well()

    def test_a_sleep_that_loses_nothing_keeps_the_connection(self) -> None:
        """Every timer is overdue then, and frames have arrived."""
        stage = self.begin(STATUS_PONG_TIMEOUT="10m")
        self.watch(heartbeat=1)
        stage.publish(1)
        self.lines_are(1)
        accepted = stage.gate.accepted
        self.stop_the_browser(signal.SIGSTOP)
        try:
            sent = stage.metric("status2_pings_sent_total")
            eventually(
                lambda: stage.metric("status2_pings_sent_total") > sent + 25,
                "more than four heartbeats of the page",
            )
            stage.publish(2)
        finally:
            self.stop_the_browser(signal.SIGCONT)
        self.lines_are(1, 2)
        self.assertEqual(stage.gate.accepted, accepted)
        self.assertNotIn("connecting", self.states())
        self.end_well()

    def stop_the_browser(self, number: int) -> None:
        """Stops the whole browser, or lets it go on."""
        for pid in descendants(self.browser.child.pid):
            os.kill(pid, number)

    def test_pings_are_answered_without_timers(self) -> None:
        self.begin()
        self.page.run("""(() => {
            window.setTimeout = () => 0;
            window.pongs = 0;
            const {send} = WebSocket.prototype;
            WebSocket.prototype.send = function (text) {
              pongs += text == '{"type":"pong"}';
              send.call(this, text);
            };
          })()""")
        self.watch()
        self.until("pongs > 5")
        self.end_well()

    def test_a_page_from_the_back_forward_cache(self) -> None:
        stage = self.begin()
        self.watch()
        stage.publish(1)
        self.lines_are(1)
        self.leave()
        eventually(
            lambda: stage.metric("status2_connections_active") == 0,
            "a page that is left has no connection",
        )
        stage.publish(2, 3)
        self.page.back()
        self.assertTrue(self.page.run("'log' in window"), "the page was kept")
        self.lines_are(1, 2, 3)
        self.assertEqual(self.page.run("lines.missed"), 0)
        self.end_well()

    def leave(self) -> None:
        self.page.go(self.stage.site + "/other")

    def test_the_iterator_drops_the_oldest_and_counts_them(self) -> None:
        stage = self.begin()
        self.watch(buffer=3)
        self.page.run("""void (async () => {
            window.got = [];
            for await (const line of lines) {
              got.push(line);
              if (got.length == 1) await new Promise((go) => window.go = go);
            }
            window.over = true;
          })()""")
        stage.publish(1)
        self.until("got.length == 1")
        stage.publish(2, 3, 4, 5, 6)
        self.lines_are(1, 2, 3, 4, 5, 6)
        self.page.run("go()")
        self.until("got.length == 4")
        self.assertEqual(self.page.run("got"), ["1", "4", "5", "6"])
        self.assertEqual(self.page.run("lines.dropped"), 2)
        self.end_well()
        self.until("window.over")

    def test_an_abort_ends_it(self) -> None:
        self.begin()
        self.watch()
        self.page.run("""(() => {
            const ends = new AbortController();
            lines.close();
            return import("/status2.js").then(({watch}) => {
              window.lines = watch("%s", {signal: ends.signal});
              ends.abort();
            });
          })()""" % self.address())
        self.assertEqual(self.page.run("lines.state"), "closed")
        self.assertEqual(self.page.run("lines.reason"), "aborted")
        self.end_well()

    def test_a_hangup_is_final(self) -> None:
        stage = self.begin(STATUS_HANGUP="true")
        self.watch()
        stage.stop_broker()
        self.until("lines.state == 'closed'")
        self.assertEqual(self.page.run("lines.reason"), "hangup")
        self.end_well()

    def test_whatever_flaps_there_is_one_connection(self) -> None:
        stage = self.begin()
        self.watch()
        for _ in range(5):
            stage.gate.cut()
            self.page.run("""(() => {
                for (let n = 0; n < 20; ++n)
                  for (const type of ["offline", "online"])
                    dispatchEvent(new Event(type));
              })()""")
        self.until("lines.state == 'live'")
        stage.publish(1)
        self.lines_are(1)
        eventually(
            lambda: stage.metric("status2_connections_active") == 1,
            "one connection",
        )
        self.end_well()

    def test_tabs_share_one_connection(self) -> None:
        stage = self.begin()
        self.watch(share=True)
        stage.publish(1, 2, 3)
        self.lines_are(1, 2, 3)
        second, third = self.open(), self.open()
        for page in (second, third):
            self.watch(page, share=True)
        stage.publish(4)
        for page in (self.page, second, third):
            self.lines_are(1, 2, 3, 4, page=page)
        self.assertEqual(stage.gate.accepted, 1)
        self.page.run("lines.close()")
        stage.publish(5)
        for page in (second, third):
            self.lines_are(1, 2, 3, 4, 5, page=page)
            self.until("lines.state == 'live'", page)
            self.assertEqual(page.run("lines.missed"), 0)
        self.assertEqual(stage.gate.accepted, 2)
        self.assertEqual(self.page.run("log.message.length"), 4)
        self.end_well()

    def test_the_last_word_comes_first_and_once(self) -> None:
        stage = self.begin(STATUS_LATCH_PATTERNS="END*")
        self.watch(tail=0)
        stage.publish("END", 1, 2, 3)
        self.lines_are("END", 1, 2, 3)
        self.assertEqual(self.page.run("log.latched.length"), 0)
        # The second page gets it from the first one's connection.
        late = [self.open(), self.open()]
        for page in late:
            self.watch(page, tail=2, share=True)
            self.lines_are("END", 2, 3, page=page)
            self.assertEqual(page.run("log.latched"), ["END"])
        self.assertEqual(stage.gate.accepted, 2)
        stage.gate.cut()
        for page in (self.page, *late):
            self.until("log.state.some(({state}) => state == 'connecting')", page)
            self.until("lines.state == 'live'", page)
        stage.publish(4)
        self.lines_are("END", 1, 2, 3, 4)
        for page in late:
            self.lines_are("END", 2, 3, 4, page=page)
            self.assertEqual(page.run("lines.missed"), 0)
        self.end_well()

    def test_the_example_shows_a_run(self) -> None:
        stage = self.begin()
        page = self.browser.open(self.example())
        self.own.callback(page.close)
        shown = "document.getElementById('%s')"
        state = shown % "state" + ".textContent"
        self.until(f"{state} == 'live'", page)
        stage.publish("begin", "step 3 of 7")
        self.until("document.querySelectorAll('#lines li').length == 2", page)
        self.assertEqual(page.run(shown % "progress" + ".value"), 3)
        self.assertEqual(page.run(shown % "progress" + ".max"), 7)
        self.assertTrue(page.run(shown % "missed" + ".hidden"))
        self.until(shown % "spoken" + ".textContent == 'step 3 of 7'", page)
        stage.stop_broker()
        self.until(f"{state} == 'connecting'", page)
        stage.start_broker()
        self.until(f"{state} == 'live'", page)
        stage.publish("step 7 of 7")
        self.until(shown % "progress" + ".value == 7", page)
        self.assertFalse(page.run(shown % "missed" + ".hidden"))
        self.assertEqual(page.errors, [])

    def example(self) -> str:
        return f"http://127.0.0.1:{self.stage.gate.port}/example?channel={CHANNEL}"

    def test_the_client_that_the_broker_serves(self) -> None:
        """From another origin, at both of its paths."""
        stage = self.begin()
        at = f"http://127.0.0.1:{stage.gate.port}"
        text = self.page.run(
            f"fetch('{at}/client.js').then((answer) => answer.text())"
        )
        self.assertEqual(text, (SOURCES / "status2.js").read_text())
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        for name in ("client", f"client-{digest}"):
            kinds = self.page.run(
                f"import('{at}/{name}.js').then(({{watch}}) => typeof watch)"
            )
            self.assertEqual(kinds, "function")
        self.assertEqual(self.page.errors, [])
