"""Chromium, headless, driven by its DevTools protocol."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from processes import Child
from remote import Remote, RemoteError, eventually
from servers import clean_environment
from tree import stop_tree

PROGRAM = "/usr/bin/chromium"
# As root there is no sandbox; the pages are ours. Background networking and
# first-run pages are not.
FLAGS = """--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage
    --no-first-run --disable-background-networking --disable-component-update
    --disable-default-apps --disable-sync --mute-audio --no-proxy-server
    --remote-debugging-port=0""".split()


class Chromium:
    name = "chromium"

    def __init__(self, folder: Path, *flags: str) -> None:
        profile = folder / "chromium"
        home = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        command = [PROGRAM, *FLAGS, *flags, f"--user-data-dir={profile}", "about:blank"]
        self._pages: dict[str, ChromiumPage] = {}
        self.child = Child("chromium", command, folder, clean_environment() | home)
        listens = profile / "DevToolsActivePort"
        try:
            eventually(
                lambda: listens.exists() and listens.read_text().count("\n") > 0,
                "Chromium starts",
            )
            port, path = listens.read_text().split()
            self.remote = Remote(f"ws://127.0.0.1:{port}{path}", self._on_event)
        except BaseException:
            self.child.stop()
            raise

    def open(self, url: str) -> ChromiumPage:
        target = self.remote.call("Target.createTarget", {"url": "about:blank"})
        page = ChromiumPage(self, target["targetId"])
        self._pages[page.session] = page
        page.start()
        page.go(url)
        return page

    def stop(self) -> None:
        self.remote.close()
        stop_tree(self.child)

    def _on_event(self, event: dict[str, Any]) -> None:
        page = self._pages.get(event.get("sessionId", ""))
        if page is not None:
            page.on_event(event["method"], event["params"])


class ChromiumPage:
    def __init__(self, browser: Chromium, target: str) -> None:
        self._browser, self._target = browser, target
        attached = browser.remote.call(
            "Target.attachToTarget", {"targetId": target, "flatten": True}
        )
        self.session = attached["sessionId"]
        self.errors: list[str] = []  # of scripts and of the page

    def start(self) -> None:
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> Any:
        return self._browser.remote.call(method, params, sessionId=self.session)

    def on_event(self, method: str, params: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(params["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled":
            if params["type"] in ("error", "warning", "assert"):
                self.errors.append(json.dumps(params["args"]))
        elif method == "Log.entryAdded":
            entry = params["entry"]
            # The browser itself says that a connection failed.
            if entry["level"] == "error" and entry["source"] != "network":
                self.errors.append(json.dumps(entry))

    def run(self, script: str) -> Any:
        """The value of an expression, or of its promise."""
        found = self.call(
            "Runtime.evaluate",
            expression=script,
            awaitPromise=True,
            returnByValue=True,
        )
        if "exceptionDetails" in found:
            raise RemoteError(f"{script}: {found['exceptionDetails']}")
        return found["result"].get("value")

    def go(self, url: str) -> None:
        self.call("Page.navigate", url=url)
        self._loaded(url)

    def back(self) -> None:
        history = self.call("Page.getNavigationHistory")
        entry = history["entries"][history["currentIndex"] - 1]
        self.call("Page.navigateToHistoryEntry", entryId=entry["id"])
        self._loaded(entry["url"])

    def _loaded(self, url: str) -> None:
        script = f"location.href == {json.dumps(url)} && document.readyState"

        def complete() -> bool:
            try:
                return self.run(script) == "complete"
            except RemoteError:  # between two documents
                return False

        eventually(complete, f"{url} is loaded")

    def go_offline(self, offline: bool) -> None:
        self.call(
            "Network.emulateNetworkConditions",
            offline=offline,
            latency=0,
            downloadThroughput=-1,
            uploadThroughput=-1,
        )

    def freeze(self, frozen: bool) -> None:
        state = "frozen" if frozen else "active"
        self.call("Page.setWebLifecycleState", state=state)

    def window_listeners(self) -> int:
        window = self.call("Runtime.evaluate", expression="window")
        found = self.call(
            "DOMDebugger.getEventListeners", objectId=window["result"]["objectId"]
        )
        return len(found["listeners"])

    def press(self, key: str) -> None:
        for what in ("rawKeyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=what,
                key=key,
                code=key,
                windowsVirtualKeyCode={"Tab": 9}[key],
            )

    def screenshot(self, file: Path, width: int, height: int, dark: bool) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if width < 600 else 1,
            mobile=width < 600,
        )
        scheme = "dark" if dark else "light"
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.call("Emulation.setEmulatedMedia", features=[feature])
        shot = self.call("Page.captureScreenshot", format="png")
        file.write_bytes(base64.b64decode(shot["data"]))

    def close(self) -> None:
        self._browser.remote.call("Target.closeTarget", {"targetId": self._target})
