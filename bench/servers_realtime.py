"""The realtime servers that are measured, and what they are measured against.

Each is asked for the same by the load generator (bench/load_realtime.c): our
realtime layer alone, npm's socket.io, and a loop of send().
"""

import json
import socket
import subprocess

from servers import (BUILD, LOAD_CORE, Process, ROOT, SERVER_CORE, TOOL_S,
                     Tombolo, npm_folder, pinned, tool)

SOCKET_IO, WS = "4.8.4", "8.23.0"
PACKAGES = ["socket.io@" + SOCKET_IO, "ws@" + WS]
# What is to be measured is not to be limited, and no ping comes in between.
OPTIONS = {"port": "PORT", "quiet": 1, "events_per_s": 0,
           "connections_max": 20000, "ping_interval_ms": 25000,
           "ping_timeout_ms": 20000, "connect_timeout_ms": 10000}


class Spoken:
    """A server that the load generator speaks Socket.IO with."""

    options = {}

    def load(self, mode, **options):
        """Runs the load generator; what it says."""
        return tool("load_realtime", mode, core=LOAD_CORE, port=self.port,
                    pid=self.process.pid, **self.options, **options)[0]

    def settle(self):
        """Memory that is of no use is given back."""


class Serving(Spoken, Tombolo):
    """All of Tombolo, with the demo's data."""

    def __init__(self, suite):
        super().__init__(suite.copy(suite.base(), "serving"), SERVER_CORE)


class Realtime(Spoken, Process):
    """A server that speaks nothing else."""

    # What is missing in this request makes it a bad one.
    probe = ("/socket.io/", {})
    status = 400


class Ours(Realtime):
    """Our realtime layer behind the HTTP server, without a store."""

    def __init__(self, suite):
        program = BUILD / "tests" / "interop" / "realtime_test_server"
        super().__init__([str(program)] + ["%s=%s" % pair
                                           for pair in OPTIONS.items()],
                         SERVER_CORE, suite.place("ours"))


class Npm(Realtime):
    """npm's socket.io on ws."""

    def __init__(self, suite):
        script = ROOT / "bench" / "realtime_server.js"
        argv = ["node", "--expose-gc", str(script),
                str(npm_folder(suite, "socket.io", PACKAGES)), "PORT"]
        super().__init__(argv, SERVER_CORE, suite.place("npm"))

    def settle(self):
        for _ in range(3):
            self.must("GET", "/collect", {})


class Bare(Realtime):
    """A loop of send() over all connections."""

    options = {"bare": 1}

    def __init__(self, suite):
        super().__init__([str(BUILD / "bench" / "bench_bare_broadcast"),
                          "--port", "PORT"], SERVER_CORE, suite.place("bare"))

    def answers(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0


class Clients:
    """So many clients of a server that are there and say nothing."""

    def __init__(self, server, n):
        argv = [str(BUILD / "bench" / "bench_load_realtime"), "hold"]
        for name, value in {"port": server.port, "pid": server.process.pid,
                            "clients": n}.items():
            argv += ["--" + name, str(value)]
        self.argv = pinned(argv, LOAD_CORE)
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(
            self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)
        # The one line that it prints says that all are there.
        try:
            json.loads(self.process.stdout.readline())
        except ValueError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(TOOL_S)
        self.process.stdout.close()
