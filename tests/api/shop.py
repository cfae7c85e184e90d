"""The demo's shop as the tests run it: `tombolo demo-shop`, ended by its own
process id."""

import json
import signal
import subprocess
import time

import requests

from cli import PROGRAM
from harness import DEADLINE_S

TOKEN = "demo-shop-token"


class Shop:
    """One `tombolo demo-shop` process on a free port of loopback."""

    def __init__(self, folder, *args, token=TOKEN):
        self.log_path = folder / "shop.jsonl"
        self.session = requests.Session()
        self.session.headers["X-Shopify-Access-Token"] = token
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [PROGRAM, "demo-shop"] + [str(a) for a in args],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=log)
        self.base = self.read_address()

    def read_address(self):
        """The log's first line says where it listens."""
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            text = self.log_path.read_text()
            if text.endswith("\n"):
                return json.loads(text)["address"]
            assert self.process.poll() is None, text
            time.sleep(0.01)
        raise AssertionError("the shop did not start")

    def url(self, path):
        return "%s/admin/api/2024-01/%s" % (self.base, path)

    def get(self, path, **params):
        return self.session.get(self.url(path), params=params,
                                timeout=DEADLINE_S)

    def count(self, kind, **params):
        return self.get(kind + "/count.json", **params).json()["count"]

    def walk(self, kind, **params):
        """All records of a kind, page by page as the links lead."""
        r, found = self.get(kind + ".json", **params), []
        while True:
            assert r.status_code == 200, r.text
            found += r.json()[kind]
            link = r.links.get("next")
            if not link:
                return found
            r = self.session.get(link["url"], timeout=DEADLINE_S)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_S)
