"""An import from a shop that answers as real ones do on a bad day: it asks to
come back later, fails, and breaks connections. Meanwhile the job is paused and
resumed again and again, and the server is killed. In the end there is exactly
what the shop has, and nothing was stored twice.

TB_SHOP_PRODUCTS says how many products (10000), TB_PAUSES how often the job is
paused (4), TB_KILLS how often the server dies (4), TB_SEED picks what goes
wrong and when.
"""

import http.client
import http.server
import os
import random
import threading

from harness import ADMIN_PASSWORD, DEADLINE_S, Server, wait_for
from jobs import SETTINGS, JobsOrg
from lossy import reset
from shop import TOKEN, Shop

PRODUCTS = min(int(os.environ.get("TB_SHOP_PRODUCTS", "10000")), 1000000)
PAUSES = min(int(os.environ.get("TB_PAUSES", "4")), 100)
KILLS = min(int(os.environ.get("TB_KILLS", "4")), 100)
SEED = int(os.environ.get("TB_SEED", "1"))
# Of a request.
TOO_MANY, FAILED, CUT = 0.06, 0.06, 0.06
CONFIG = SETTINGS + """\
collections:
  - name: product
    route: central
jobs:
  backoff_max_s: 1
  page_tries: 3
  lease_s: 5
sources:
  - name: shop
    type: shopify
    url: %s
    api_version: 2024-01
    token_file: %s
    page_size: 50
    entities:
      - {name: products, collection: product}
"""
# As long as all of it may take.
SOAK_S = 60 + PRODUCTS / 100


class Moody(http.server.ThreadingHTTPServer):
    """Passes requests on to the shop, if it is in the mood to."""

    daemon_threads = True

    def __init__(self, shop, seed):
        super().__init__(("127.0.0.1", 0), Handler)
        self.port = int(shop.base.rsplit(":", 1)[1])
        self.random, self.lock = random.Random(seed), threading.Lock()
        self.spoilt = {"429": 0, "500": 0, "cut": 0}
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()

    @property
    def base(self):
        return "http://127.0.0.1:%d" % self.server_address[1]

    def mood(self):
        """What is done to the next request."""
        with self.lock:
            x = self.random.random()
            for what, share in [("429", TOO_MANY), ("500", FAILED),
                                ("cut", CUT)]:
                if x < share:
                    self.spoilt[what] += 1
                    return what
                x -= share
            return None

    def handle_error(self, request, client_address):
        """A server that was killed broke the connection."""

    def close(self):
        self.shutdown()
        self.server_close()
        self.thread.join(DEADLINE_S)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        mood = self.server.mood()
        if mood == "429":
            return self.say(429, b"{}", {"Retry-After": "0"})
        if mood == "500":
            return self.say(500, b"oops", {})
        shop = http.client.HTTPConnection("127.0.0.1", self.server.port,
                                          timeout=DEADLINE_S)
        shop.putrequest("GET", self.path, skip_host=True,
                        skip_accept_encoding=True)
        for name, value in self.headers.items():
            shop.putheader(name, value)
        shop.endheaders()
        answer = shop.getresponse()
        body = answer.read()
        shop.close()
        kept = {k: v for k, v in answer.getheaders()
                if k.lower() in ("link", "content-type", "content-encoding")}
        return self.say(answer.status, body, kept, is_cut=mood == "cut")

    def say(self, status, body, headers, is_cut=False):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not is_cut:
            return self.wfile.write(body)
        self.wfile.write(body[:len(body) // 2])
        self.wfile.flush()
        self.close_connection = True
        return reset(self.connection)


def read_so_far(user, job_id):
    return user.job(job_id)["records"]["read"]


def wait_until(user, job_id, read):
    """Wait until so many were read, or the job is through."""
    def look():
        job = user.job(job_id)
        assert job["status"] != "failed", job
        return job if (job["records"]["read"] >= read or
                       job["status"] == "completed") else None
    return wait_for(look, "%d records" % read, SOAK_S)


def disturb(server, user, job, moments):
    """Pause and resume, or kill the server, at these moments; how often each
    was done."""
    done = {"pause": 0, "kill": 0}
    for read, what in moments:
        now = wait_until(user, job["id"], read)
        if now["status"] == "completed":
            break
        before = now["records"]["read"]
        if what == "kill":
            server.restart(hard=True)
        elif now["status"] != "active":
            # It waits for another attempt; a pause is good for that, too.
            assert now["status"] == "queued", now
            user.paused(job["name"])
            user.resumed(job["name"])
        else:
            user.paused(job["name"])
            still = read_so_far(user, job["id"])
            assert user.job(job["id"])["status"] == "paused"
            assert read_so_far(user, job["id"]) == still
            user.resumed(job["name"])
        # What was stored stays stored.
        assert read_so_far(user, job["id"]) >= before
        done[what] += 1
    return done


def test_an_import_has_exactly_what_the_shop_has(tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN + "\n")
    chance = random.Random(SEED)
    kinds = ["pause"] * PAUSES + ["kill"] * KILLS
    chance.shuffle(kinds)
    # Spread over what there is to read, the last one before its end.
    moments = [(int(PRODUCTS * 0.9 * (n + chance.random()) / len(kinds)), what)
               for n, what in enumerate(kinds)]
    shop = Shop(tmp_path, "--products", PRODUCTS)
    moody = Moody(shop, SEED)
    server = Server(tmp_path, config=CONFIG % (moody.base, token))
    try:
        server.cli.init("main", "admin", ADMIN_PASSWORD)
        server.start()
        org = JobsOrg(server)
        user = org.user
        job = user.queued("shop", "import", options={
            "retryOnFail": True, "maxRetries": 100})
        done = disturb(server, user, job, moments)
        end = wait_until(user, job["id"], PRODUCTS + 1)
        assert end["status"] == "completed"
        assert done == {"pause": PAUSES, "kill": KILLS}
        assert all(moody.spoilt.values()), moody.spoilt
        # Each once: nothing was lost, nothing was stored a second time.
        assert end["records"] == {"read": PRODUCTS, "written": PRODUCTS,
                                  "unchanged": 0, "rejected": 0}
        wanted = {str(x["id"]): x for x in shop.walk("products", limit=250)}
        assert len(wanted) == PRODUCTS
        assert org.records("product") == wanted
    finally:
        server.kill()
        moody.close()
        shop.stop()
