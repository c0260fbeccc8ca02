"""The compose stack on a real Docker engine: ./dev stack. Exit code 3 where
there is none. Needs build/release/status2."""

from __future__ import annotations

import json
import socket
import time
import unittest

from playbook_test import Playbook
from stack import (TAG, Stack, Watcher, docker, eventually, inspect, output_of,
                   remove_images, require_daemon)

MOST_BYTES = 20_000_000


def setUpModule() -> None:
    unittest.addModuleCleanup(remove_images)


class StackTest(unittest.TestCase):
    """One stack for all tests of a class, removed at its end."""

    files = "compose.yml"
    services: tuple[str, ...] = ("status", "redis")
    settings: dict[str, str] = {}
    stack: Stack

    @classmethod
    def setUpClass(cls) -> None:
        cls.stack = Stack(cls.__name__.lower(), cls.files)
        cls.stack.environment |= cls.settings
        cls.addClassCleanup(cls.stack.remove)
        cls.stack.run("up", "-d", *cls.services)

    def deliver(self, channel: str, text: str) -> None:
        """Publishes until Redis has somebody to give it to."""
        eventually(f"a subscriber of {channel}",
                   lambda: self.stack.publish(channel, text) == 1)


class Base(StackTest):
    """compose.yml alone, in the order of the names."""

    def test_image_is_small_and_labelled(self) -> None:
        image = inspect(f"status2:{TAG}")
        self.assertLessEqual(image["Size"], MOST_BYTES)
        settings = image["Config"]
        self.assertRegex(settings["User"], r"^[1-9][0-9]*:[1-9][0-9]*$")
        self.assertEqual(settings["StopSignal"], "SIGTERM")
        self.assertIn("healthcheck", settings["Healthcheck"]["Test"])
        labels = settings["Labels"]
        said = docker("run", "--rm", f"status2:{TAG}", "--version")
        self.assertEqual(
            said.split()[1], labels["org.opencontainers.image.version"])
        self.assertRegex(
            labels["org.opencontainers.image.revision"], r"^[0-9a-f]{7,}$")

    def test_image_holds_no_shell(self) -> None:
        files = docker("create", f"status2:{TAG}")
        self.addCleanup(docker, "rm", "-f", files, check=False)
        listing = output_of(
            ["bash", "-c", f"docker export {files} | tar -t"]).stdout.split()
        self.assertIn("usr/local/bin/status2", listing)
        programs = [name for name in listing
                    if "bin/" in name and not name.endswith("/")]
        self.assertEqual(programs, ["usr/local/bin/status2"])

    def test_services_are_locked_down(self) -> None:
        for service in self.services:
            with self.subTest(service):
                host = self.stack.container(service)["HostConfig"]
                self.assertTrue(host["ReadonlyRootfs"])
                self.assertEqual(host["CapDrop"], ["ALL"])
                self.assertFalse(host["CapAdd"])
                self.assertIn("no-new-privileges:true", host["SecurityOpt"])
                for ports in (host["PortBindings"] or {}).values():
                    self.assertEqual([port["HostIp"] for port in ports],
                                     ["127.0.0.1"])
        for service in self.services:
            container = self.stack.container(service)["Id"]
            processes = docker("top", container, "-o", "pid,uid").splitlines()
            users = {line.split()[1] for line in processes[1:]}
            self.assertTrue(users)
            self.assertNotIn("0", users)

    def test_services_become_healthy(self) -> None:
        for service in self.services:
            eventually(
                f"{service} healthy",
                lambda: self.stack.container(
                    service)["State"]["Health"]["Status"] == "healthy")
        self.assertEqual(self.stack.get("/health").strip(), "OK")
        eventually("ready", lambda: self.stack.get("/ready"))

    def test_redis_wants_the_password_and_redis_cli_knows_it(self) -> None:
        self.assertEqual(
            self.stack.exec("redis", "redis-cli", "-n", "2", "ping"), "PONG")
        self.assertIn("NOAUTH", self.stack.exec(
            "redis", "/usr/bin/redis-cli", "ping"))

    def test_published_text_reaches_a_client(self) -> None:
        with Watcher(self.stack, "stack:log", 1) as client:
            self.deliver("stack:log", "hello")
            self.assertEqual(client.finish()[0], ["hello"])

    def test_playbook_heredoc_publishes(self) -> None:
        with Watcher(self.stack, "loadtest:wepp", 2) as client:
            self.deliver("loadtest:wepp", "first")
            self.stack.run("exec", "redis", "redis-cli", "-n", "2", "--raw",
                           "--pipe", text='PUBLISH loadtest:wepp "ready"\n')
            self.assertEqual(client.finish()[0], ["first", "ready"])

    def test_kill_hup_and_wctl_reload_read_the_configuration(self) -> None:
        name = "status2_config_last_reload_success_timestamp_seconds"
        for reload in (
                lambda: docker("kill", "-s", "HUP",
                               self.stack.container("status")["Id"]),
                lambda: self.stack.run("reload")):
            before = self.stack.metric(name)
            eventually("another second", lambda: time.time() > before + 2)
            reload()
            eventually("a reload", lambda: self.stack.metric(name) > before)

    def test_restart_of_redis_keeps_the_client(self) -> None:
        reconnects = self.stack.metric("status2_redis_reconnects_total")
        with Watcher(self.stack, "stack:kept", 2) as client:
            self.deliver("stack:kept", "before")
            self.stack.run("compose", "restart", "redis")
            self.deliver("stack:kept", "after")
            messages, notes = client.finish()
        self.assertEqual(messages, ["before", "after"])
        self.assertEqual(notes, ["status2: connected"])
        self.assertGreater(
            self.stack.metric("status2_redis_reconnects_total"), reconnects)

    def test_shell_in_status_is_the_toolbox(self) -> None:
        done = self.stack.run("exec", "status", "sh", "-lc",
                              "apk add --no-cache iproute2")
        self.assertIn("toolbox", done.stderr)
        self.assertIn("iproute2 is already here", done.stdout)
        self.assertIn("qdisc", self.stack.exec(
            "status", "sh", "-lc", "tc qdisc show dev eth0"))
        # NET_ADMIN is there, and the network is that of status.
        self.stack.exec("status", "sh", "-c",
                        "tc qdisc add dev eth0 root tbf rate 1gbit burst 1mb"
                        " latency 50ms && tc qdisc del dev eth0 root")
        self.stack.exec("status", "sh", "-c", "iptables -L INPUT -n")
        self.assertEqual(self.stack.exec(
            "status", "sh", "-c", "curl -s localhost:9002/health"), "OK")

    def test_jitter_as_the_playbook_types_it(self) -> None:
        add = "tc qdisc add dev eth0 root netem delay 200ms 50ms loss 2%"
        before = self.stack.seconds_to_get("/health")
        self.assertLess(before, 0.15)
        self.stack.exec("status", "sh", "-lc", add)
        # Two ways of the server's packets: its SYN-ACK and its answer.
        self.assertGreater(self.stack.seconds_to_get("/health"), 0.25)
        self.stack.exec("status", "sh", "-lc", "tc qdisc del dev eth0 root")
        self.assertLess(self.stack.seconds_to_get("/health"), 0.15)

    def test_toolbox_follows_a_restarted_status(self) -> None:
        self.stack.exec("status", "sh", "-c", "true")
        self.stack.run("restart", "status")
        eventually("health after the restart",
                   lambda: self.stack.get("/health"))
        self.assertEqual(self.stack.exec(
            "status", "sh", "-c", "curl -s localhost:9002/health"), "OK")

    def test_wctl_says_what_it_cannot_do(self) -> None:
        self.assertIn("usage: wctl", self.stack.run("help").stdout)
        self.stack.run("no-such-command", code=1)
        astray = Stack("astray")
        astray.environment["DOCKER_HOST"] = "tcp://127.0.0.1:1"
        # With Docker's own words.
        self.assertRegex(astray.run("ps", code=3).stderr,
                         "Docker does not answer: .*127.0.0.1:1")

    def test_z_down_by_name_leaves_nothing_behind(self) -> None:
        self.stack.exec("status", "sh", "-c", "true")
        self.assertTrue(self.stack.leftovers())
        self.stack.run("down", "status", "redis")
        self.assertEqual(self.stack.leftovers(), [])


class Drill(StackTest):
    """compose.drill.yml: toolboxes and the chaos door."""

    files = "compose.yml compose.drill.yml"
    services = ("status", "redis", "status-net", "redis-net")

    def test_chaos_door_is_open_to_the_token(self) -> None:
        tree = eventually("the tree of actors", lambda: self.stack.exec(
            "status", "status2", "chaos", "tree"))
        self.assertIn("redis-link", tree)

    def test_toolboxes_have_net_admin_only(self) -> None:
        for service in ("status-net", "redis-net"):
            host = self.stack.container(service)["HostConfig"]
            self.assertEqual(host["CapDrop"], ["ALL"])
            self.assertEqual(
                [name.removeprefix("CAP_") for name in host["CapAdd"]],
                ["NET_ADMIN"])

    def test_toolbox_of_redis_is_in_its_network(self) -> None:
        self.assertEqual(self.stack.exec("redis-net", "redis-cli", "ping"),
                         "PONG")
        self.stack.run("restart", "redis")
        eventually("Redis in its new network", lambda: self.stack.exec(
            "redis-net", "sh", "-c", "redis-cli ping || true") == "PONG")


class Observe(StackTest):
    """compose.observe.yml: Prometheus and the alert rules."""

    files = "compose.yml compose.observe.yml"
    services = ("status", "redis", "prometheus")

    def query(self, expression: str) -> list[dict[str, object]]:
        body = self.stack.get("/api/v1/query?query=" + expression,
                              self.stack.prometheus_port)
        result: list[dict[str, object]] = (
            json.loads(body)["data"]["result"] if body else [])
        return result

    def test_rules_pass_promtool(self) -> None:
        for check in (("check", "config", "prometheus.yml"),
                      ("check", "rules", "alerts.yml"),
                      ("test", "rules", "alerts_test.yml")):
            with self.subTest(check):
                done = output_of([
                    "docker", "run", "--rm", "--workdir", "/etc/status2",
                    "--entrypoint", "promtool", f"status2-prometheus:{TAG}",
                    *check])
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_metrics_pass_promtool(self) -> None:
        done = self.stack.run("exec", "prometheus", "promtool", "check",
                              "metrics", text=self.stack.get("/metrics"))
        self.assertEqual(done.stdout + done.stderr, "")

    def test_prometheus_scrapes_the_broker(self) -> None:
        found = eventually("a scrape", lambda: self.query(
            'up{job="status2",instance="status"}==1'), 60)
        self.assertEqual(len(found), 1)
        self.assertTrue(self.query("status2_build_info"))


class Scale(StackTest):
    """compose.scale.yml: two brokers behind HAProxy."""

    files = "compose.yml compose.scale.yml"
    services = ("proxy",)
    settings = {"STATUS_REDIS_MAX_RETRIES": "1", "STATUS_REDIS_RETRY_MAX": "2s",
                "STATUS_LOG_LEVEL": "debug"}

    def ready(self) -> bool:
        """Whether the proxy has a ready broker, as its inner port tells."""
        address = self.stack.run("address", "proxy").stdout.strip()
        return bool(self.stack.get("/ready", 9003, address))

    def test_pages_of_operators_are_not_published(self) -> None:
        eventually("ready", self.ready)
        self.assertEqual(self.stack.get("/health").strip(), "OK")
        for path in ("/metrics", "/ready", "/ready?x", "/chaos/actors",
                     "/prefix/metrics"):
            with self.subTest(path):
                answer = self.request(path)
                self.assertEqual(answer.split(b"\r\n")[0].split()[1], b"404")
                # The proxy's own answer, not the broker's.
                self.assertNotIn(b"status2", answer)

    def test_clients_cannot_forge_their_address(self) -> None:
        eventually("ready", self.ready)
        said = self.request(
            "/scale:forged", "Connection: Upgrade", "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "X-Forwarded-For: 203.0.113.9")
        self.assertIn(b" 101 ", said.split(b"\r\n")[0])
        seen = eventually("the client in a log", lambda: [
            line for broker in ("status-a", "status-b")
            for line in self.stack.run("logs", broker).stdout.splitlines()
            if '"channel":"forged"' in line])
        self.assertNotIn("203.0.113.9", "".join(seen))

    def request(self, path: str, *headers: str) -> bytes:
        """The start of the answer on the published port."""
        with socket.create_connection(
                ("127.0.0.1", self.stack.port), timeout=5) as client:
            client.sendall("\r\n".join(
                [f"GET {path} HTTP/1.1", "Host: here", *headers, "", ""]
            ).encode())
            return client.recv(4096)

    def test_client_comes_through_the_proxy(self) -> None:
        eventually("ready", self.ready)
        with Watcher(self.stack, "scale:log", 1) as client:
            self.deliver("scale:log", "hello")
            self.assertEqual(client.finish()[0], ["hello"])

    def test_either_broker_may_be_restarted(self) -> None:
        eventually("ready", self.ready)
        for broker in ("status-a", "status-b"):
            with self.subTest(broker):
                self.stack.run("compose", "stop", broker)
                with Watcher(self.stack, "scale:other", 1) as client:
                    self.deliver("scale:other", "still here")
                    messages, notes = client.finish()
                self.assertEqual(messages, ["still here"])
                # Not one attempt met the broker that is away.
                self.assertEqual(notes, ["status2: connected"])
                self.stack.run("compose", "start", broker)
                eventually(
                    f"{broker} healthy",
                    lambda: self.stack.container(
                        broker)["State"]["Health"]["Status"] == "healthy")

    def test_clients_are_taken_while_redis_is_away(self) -> None:
        eventually("ready", self.ready)
        self.stack.run("compose", "stop", "redis")
        try:
            eventually("the outage to be surfaced", lambda: not self.ready())
            with Watcher(self.stack, "scale:away", 1) as client:
                eventually("a connection", client.said)
                self.stack.run("compose", "start", "redis")
                self.deliver("scale:away", "back")
                messages, notes = client.finish()
        finally:
            self.stack.run("compose", "start", "redis")
        self.assertEqual(messages, ["back"])
        self.assertEqual(notes, ["status2: connected"])


def load_tests(loader: unittest.TestLoader, *_: object) -> unittest.TestSuite:
    """Those with tests of their own: StackTest is their base."""
    return unittest.TestSuite(
        loader.loadTestsFromTestCase(case)
        for case in (Base, Drill, Observe, Scale, Playbook))


if __name__ == "__main__":
    require_daemon()
    unittest.main(verbosity=2)
