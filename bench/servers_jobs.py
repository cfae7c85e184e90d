"""The server that jobs are measured on, with its store and the files that its
jobs read, and what it is measured against: npm's BullMQ on a Redis of its own.
"""

import hashlib
import json
import shutil
import socket
import subprocess
import time

from servers import (BUILD, Process, ROOT, START_S, TOOL_S, load, npm_folder,
                     tombolo)

BULLMQ, IOREDIS = "6.7.0", "6.0.0"
PACKAGES = ["bullmq@" + BULLMQ, "ioredis@" + IOREDIS]
ORG = "bench"
ADMIN = ("admin", "admin-password")
CONNECTIONS = 64
DATA_BYTES = 250
LOOK_S = 0.005
# What is not over by then never will be.
JOBS_S = 1200

CONFIG = """\
log: {level: warn}
collections:
  - name: nothing
    route: central
  - name: reading
    route: central
sources:
  - name: nothing
    type: file
    path: %(files)s
    entities:
      - {name: nothing, collection: nothing}
  - name: readings
    type: file
    path: %(files)s
    entities:
      - {name: readings, collection: reading, key: ID}
jobs:
  workers: %(workers)d
"""
# Of a job, behind its name.
NO_OP = '"type":"full","data":{"source":"nothing"}'
FAR = ('"type":"scheduled","schedule":{"startAt":"2090-01-01T00:00:00Z"},'
       '"data":{"source":"nothing"}')


def reading(i):
    """A line of a file: like the data of a record that a site pushes."""
    key = hashlib.md5(b"%d" % i).hexdigest()
    begin = ('{"ID":"%s-%s-%s-%s-%s","store_ID":"store-a","status":"cn",'
             '"item_name":"amoxygluemab","quantity":%d,"cost_price":65.50,'
             '"revision":0,"note":"' % (key[:8], key[8:12], key[12:16],
                                        key[16:20], key[20:], i))
    return begin + "x" * (DATA_BYTES - len(begin) - 2) + '"}\n'


def put_files(suite, readings=0):
    """The folder of what jobs read: nothing, and so many readings."""
    folder = suite.folder / ("files-%d" % readings)
    if not folder.exists():
        folder.mkdir()
        (folder / "nothing.ndjson").write_text("")
        with open(folder / "readings.ndjson", "w", encoding="utf-8") as f:
            for i in range(readings):
                f.write(reading(i))
    return folder


def config(data, files, workers):
    """The configuration of a store; it lies beside the data."""
    path = data.parent / "bench.yaml"
    path.write_text(CONFIG % {"files": files, "workers": workers})
    return path


class Jobs(Process):
    """The server on a store of `begun`, with the files of `put_files`."""

    probe = ("/sync", {})

    def __init__(self, data, files, workers):
        super().__init__([str(BUILD / "tombolo"), "serve", "--listen",
                          "127.0.0.1:PORT", "--data", str(data), "--config",
                          str(config(data, files, workers))], None,
                         data.parent)

    def user(self):
        """What the administrator sends along."""
        body = json.dumps({"username": ADMIN[0], "password": ADMIN[1]})
        _, answer = self.must("POST", "/api/login",
                              {"Content-Type": "application/json"}, body)
        return {"Authorization": "Bearer " + json.loads(answer)["token"],
                "orgid": ORG}

    def queue(self, n, members):
        """Queues so many jobs, each by a request; what the load generator
        says."""
        return load("queue", self.port, headers=self.user(), core=None,
                    connections=CONNECTIONS, total=n, members=members)

    def queue_one(self, user, source):
        """The address of the job."""
        body = json.dumps({"name": source, "type": "full",
                           "data": {"source": source}})
        _, answer = self.must("POST", "/sync/queue", dict(
            user, **{"Content-Type": "application/json"}), body, want=201)
        return "/sync/jobs/" + json.loads(answer)["job"]["id"]

    def look(self, path, user=None):
        return json.loads(self.must("GET", path, user or {})[1])

    def await_completed(self, n):
        """Waits until so many jobs are; none may fail."""
        until(lambda: self.counts() == (0, n, 0), "%d jobs" % n)

    def counts(self):
        got = self.look("/sync")
        if got["failedJobs"]:
            raise RuntimeError("a job failed")
        return got["activeJobs"], got["completedJobs"], got["failedJobs"]


def until(condition, what):
    end = time.monotonic() + JOBS_S
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError("not over: " + what)
        time.sleep(LOOK_S)


def begun(suite):
    """A store with an administrator and no job, made once."""
    data = suite.folder / "jobs" / "data"
    if not data.exists():
        data.parent.mkdir()
        files = put_files(suite)
        tombolo(data, config(data, files, 0), "init", "--org", ORG, "--admin",
                ADMIN[0], password=ADMIN[1])
        with Jobs(data, files, 0):
            pass
    return data


def queued(suite, n, members):
    """A store in which so many jobs are queued, made once."""
    name = hashlib.sha256(members.encode()).hexdigest()[:8]
    data = suite.folder / ("queued-%d-%s" % (n, name)) / "data"
    if not data.exists():
        shutil.copytree(begun(suite), data)
        with Jobs(data, put_files(suite), 0) as t:
            t.queue(n, members)
    return data


# ---- BullMQ ----

class Redis(Process):
    """A private Redis that syncs what it answers for, and does nothing else
    meanwhile: no snapshot, no rewriting of its log."""

    def __init__(self, suite):
        folder = suite.place("redis")
        redis = shutil.which("redis-server") or "/usr/bin/redis-server"
        super().__init__([redis, "--port", "PORT", "--bind", "127.0.0.1",
                          "--dir", str(folder), "--daemonize", "no",
                          "--appendonly", "yes", "--appendfsync", "always",
                          "--save", "", "--auto-aof-rewrite-percentage", "0"],
                         None, folder)

    def answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port),
                                          START_S) as s:
                s.sendall(b"PING\r\n")
                return s.recv(64).startswith(b"+PONG")
        except OSError:
            return False


class BullService(Process):
    """A service on BullMQ and a Redis that runs already: node's own HTTP server,
    one process, which queues the job of each request."""

    def __init__(self, suite, redis):
        folder = npm_folder(suite, "bullmq", PACKAGES)
        super().__init__(["node", str(ROOT / "bench" / "bullmq.js"),
                          str(folder), str(redis.port), "serve", "PORT"], None,
                         suite.place("bull-service"))

    def queue(self, n, members):
        """As `Jobs.queue`, by the same load generator."""
        return load("queue", self.port, headers={}, core=None,
                    connections=CONNECTIONS, total=n, members=members)


def bullmq_served(suite, n, members):
    """Jobs a second that such a service on a fresh Redis queues."""
    with Redis(suite) as redis, BullService(suite, redis) as service:
        service.queue(n // 10, members)
        figure = service.queue(n, members)["records_per_s"]
    shutil.rmtree(redis.folder)
    return figure


def bullmq(suite, mode, n, at_once):
    """Jobs a second of one process of node (bench/bullmq.js) on a fresh Redis.
    """
    folder = npm_folder(suite, "bullmq", PACKAGES)
    with Redis(suite) as redis:
        done = subprocess.run(
            ["node", str(ROOT / "bench" / "bullmq.js"), str(folder),
             str(redis.port), mode, str(n), str(at_once)],
            stdout=subprocess.PIPE, text=True, timeout=TOOL_S, check=True)
    shutil.rmtree(redis.folder)
    return json.loads(done.stdout)["jobs_per_s"]
