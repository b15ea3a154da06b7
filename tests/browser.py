# SPDX-License-Identifier: Apache-2.0
"""A page in real Chromium, driven over the DevTools pipe: what it logs, how it is laid out."""

import contextlib
import itertools
import json
import os
import subprocess
import tempfile
import time

SECONDS = 60


class Browser:
    """One headless Chromium with one tab; nothing in it reaches a network."""

    def __init__(self, program):
        self._profile = tempfile.TemporaryDirectory(prefix="vigie-browser-", ignore_cleanup_errors=True)
        theirs_in, self._to = os.pipe()
        self._from, theirs_out = os.pipe()
        switches = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync",
                    "--no-first-run", "--disable-dev-shm-usage", "--remote-debugging-pipe"]  # fmt: skip
        # The pipe is descriptors 3 and 4 of the browser, whatever ours are called.
        boot = f'exec 3<&{theirs_in} 4>&{theirs_out}; exec "$0" "$@"'
        self._process = subprocess.Popen(
            ["bash", "-c", boot, program, *switches, f"--user-data-dir={self._profile.name}", "about:blank"],
            pass_fds=(theirs_in, theirs_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._numbers = itertools.count(1)
        self._read = b""
        self._session = None
        self.said = []
        target = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def open(self, path, *, width_px=1280, dark=False):
        """Load a local page at a width, in light or dark."""
        self.said.clear()
        self.call("Emulation.setDeviceMetricsOverride", width=width_px, height=900, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=path.as_uri())
        self._wait_for("Page.loadEventFired")

    def evaluate(self, expression):
        """Return the value of a script expression in the page."""
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def complaints(self):
        """List what the page wrote to the console or asked the network for."""
        self.evaluate("1")  # whatever the page said before this is here now
        told = ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")
        asked = [
            one for one in self.said
            if one["method"] == "Network.requestWillBeSent" and one["params"]["type"] != "Document"
        ]  # fmt: skip
        return [one for one in self.said if one["method"] in told] + asked

    def call(self, method, **params):
        """Send one command and return its result."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]
            self.said.append(answer)

    def close(self):
        """End the browser."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._to, b'{"id": 0, "method": "Browser.close"}\0')
        try:
            self._process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._to)
        os.close(self._from)
        self._profile.cleanup()

    def _wait_for(self, event):
        until = time.monotonic() + SECONDS
        while not any(one.get("method") == event for one in self.said):
            assert time.monotonic() < until, f"no {event}"
            self.said.append(self._receive())

    def _receive(self):
        while b"\0" not in self._read:
            block = os.read(self._from, 1 << 16)
            assert block, "the browser ended"
            self._read += block
        message, _, self._read = self._read.partition(b"\0")
        return json.loads(message)
