"""Firefox, headless, driven by WebDriver BiDi."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from processes import Child
from remote import Remote, RemoteError, eventually
from servers import clean_environment
from tree import stop_tree

PROGRAM = "/usr/bin/firefox-esr"
# Nothing that asks the network by itself; and the preferences that automation
# sets by default switch the back-forward cache off.
PREFERENCES = {
    "remote.prefs.recommended": False,
    "browser.sessionhistory.max_total_viewers": 8,
    "app.update.disabledForTesting": True,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "browser.aboutwelcome.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "datareporting.healthreport.uploadEnabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "extensions.getAddons.cache.enabled": False,
    "browser.safebrowsing.update.enabled": False,
    "dom.disable_open_during_load": False,
}
LISTENING = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
# The browser itself says that a connection failed.
BY_ITSELF = re.compile(r"Firefox can.t establish a connection|The connection to ws")
COUNT_LISTENERS = """() => {
  const added = window.ownListeners = [];
  const add = window.addEventListener;
  window.addEventListener = function (type, act, options) {
    added.push(options?.signal);
    return add.call(this, type, act, options);
  };
}"""


class Firefox:
    name = "firefox"

    def __init__(self, folder: Path) -> None:
        profile = folder / "firefox"
        profile.mkdir()
        lines = (
            f"user_pref({json.dumps(name)}, {json.dumps(value)});\n"
            for name, value in PREFERENCES.items()
        )
        (profile / "user.js").write_text("".join(lines))
        home = {"HOME": str(folder), "MOZ_CRASHREPORTER_DISABLE": "1"}
        command = [PROGRAM, "--headless", "--no-remote", "--profile", str(profile)]
        command += ["--remote-debugging-port", "0", "about:blank"]
        self._pages: dict[str, FirefoxPage] = {}
        self.child = Child("firefox", command, folder, clean_environment() | home)
        try:
            found = eventually(
                lambda: LISTENING.search(self.child.said.read_text(errors="replace")),
                "Firefox starts",
            )
            self.remote = Remote(found[1] + "/session", self._on_event)
            self.remote.call("session.new", {"capabilities": {}})
            events = {"events": ["log.entryAdded"]}
            self.remote.call("session.subscribe", events)
            self.remote.call(
                "script.addPreloadScript", {"functionDeclaration": COUNT_LISTENERS}
            )
        except BaseException:
            self.child.stop()
            raise

    def open(self, url: str) -> FirefoxPage:
        made = self.remote.call("browsingContext.create", {"type": "tab"})
        page = FirefoxPage(self.remote, made["context"])
        self._pages[page.context] = page
        page.go(url)
        return page

    def stop(self) -> None:
        self.remote.close()
        stop_tree(self.child)

    def _on_event(self, event: dict[str, Any]) -> None:
        if event.get("method") != "log.entryAdded":
            return
        entry = event["params"]
        page = self._pages.get(entry["source"].get("context", ""))
        if BY_ITSELF.match(entry["text"] or ""):
            return
        if page is not None and entry["level"] in ("warn", "error"):
            page.errors.append(json.dumps(entry))


class FirefoxPage:
    def __init__(self, remote: Remote, context: str) -> None:
        self._remote, self.context = remote, context
        self.errors: list[str] = []  # of scripts

    def run(self, script: str) -> Any:
        """The value of an expression, or of its promise."""
        found = self._remote.call(
            "script.callFunction",
            {
                "functionDeclaration": "async () => JSON.stringify(await ("
                + script.strip().rstrip(";")
                + "))",
                "awaitPromise": True,
                "target": {"context": self.context},
            },
        )
        if found["type"] == "exception":
            raise RemoteError(f"{script}: {found['exceptionDetails']['text']}")
        value = found["result"]
        return json.loads(value["value"]) if value["type"] == "string" else None

    def go(self, url: str) -> None:
        self._remote.call(
            "browsingContext.navigate",
            {"context": self.context, "url": url, "wait": "complete"},
        )

    def back(self) -> None:
        here = self.run("location.href")
        self._remote.call(
            "browsingContext.traverseHistory", {"context": self.context, "delta": -1}
        )

        def left() -> bool:
            try:
                return bool(self.run("location.href") != here)
            except RemoteError:  # between two documents
                return False

        eventually(left, "the page before is back")

    def go_offline(self, offline: bool) -> None:
        conditions = {"type": "offline"} if offline else None
        self._remote.call(
            "emulation.setNetworkConditions",
            {"networkConditions": conditions, "contexts": [self.context]},
        )

    def window_listeners(self) -> int:
        """Those of the window that no signal has removed."""
        return int(
            self.run("ownListeners.filter((signal) => !signal?.aborted).length")
        )

    def close(self) -> None:
        self._remote.call("browsingContext.close", {"context": self.context})
