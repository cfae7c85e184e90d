"""The programs that the benchmarks run: Tombolo, what it is measured against,
and the tools.

Servers listen on 127.0.0.1 on free ports and are ended by their own process
id. Every wait has a deadline.
"""

import base64
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / "build-bench"
SERVER_CORE, LOAD_CORE = "0", "1"
START_S, STOP_S, TOOL_S, INSTALL_S = 30, 60, 1800, 300
SITE = ("username", "password")
PRIMARY = ("primary", "primary-password")
USER = ("testuser", "testpass123")


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def credentials(account):
    """What a site's client sends: its name and its password's SHA-256."""
    return "%s:%s" % (account[0], sha256(account[1]))


def basic(account):
    pair = base64.b64encode(credentials(account).encode()).decode()
    return {"Authorization": "Basic " + pair}


def pinned(argv, core):
    return ["taskset", "-c", core] + argv if core else argv


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def tool(name, *args, core=None, **options):
    """Run one of our programs; the JSON line that it prints."""
    argv = [str(BUILD / "bench" / ("bench_" + name)), *args]
    for key, value in options.items():
        values = value if isinstance(value, list) else [value]
        for v in values:
            argv += ["--" + key, str(v)]
    done = subprocess.run(pinned(argv, core), stdout=subprocess.PIPE,
                          text=True, timeout=TOOL_S, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def load(mode, port, account=SITE, headers=None, core=LOAD_CORE, **options):
    """The load generator, which ends badly if one answer is wrong. With
    `headers` they say who asks, and not `account`."""
    if headers is not None:
        options["header"] = ["%s: %s" % pair for pair in headers.items()]
    else:
        options["user"] = credentials(account)
    return tool("load", mode, core=core, address="127.0.0.1:%d" % port,
                **options)[0]


def tombolo(data, config, *args, password=None):
    """Runs a command on a store to its end."""
    stdin = password + "\n" if password else ""
    subprocess.run([str(BUILD / "tombolo"), "--data", str(data), "--config",
                    str(config), *args], input=stdin, text=True,
                   stdout=subprocess.DEVNULL, timeout=TOOL_S, check=True)


def npm_folder(suite, name, packages):
    """Where packages of npm's are, which this suite's folder is given once."""
    folder = suite.folder / ("npm-" + name)
    if not folder.exists():
        folder.mkdir()
        subprocess.run(
            ["npm", "install", "--no-save", "--no-audit", "--no-fund",
             "--loglevel=error", *packages],
            cwd=folder, timeout=INSTALL_S, check=True,
            stdout=subprocess.DEVNULL)
    return folder


class Process:
    """A server process that answers HTTP on `port`.

    It has started when it answers the probe, a path and headers, with
    `status`."""

    probe = ("/", {})
    status = 200
    patience_s = START_S

    def __init__(self, argv, core, folder, env=None):
        self.port = free_port()
        self.folder = pathlib.Path(folder)
        self.argv = pinned([a.replace("PORT", str(self.port)) for a in argv],
                           core)
        self.env = dict(os.environ, **(env or {}))
        self.process = None
        self.started_s = None

    def __enter__(self):
        begin = time.monotonic()
        with open(self.folder / "log.jsonl", "ab") as log:
            self.process = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=self.env)
        try:
            self.await_start(begin + self.patience_s)
        except RuntimeError:
            self.__exit__()
            raise
        self.started_s = time.monotonic() - begin
        return self

    def await_start(self, end):
        while not self.answers():
            if self.process.poll() is not None:
                raise RuntimeError("%s ended with %d, see %s" % (
                    self.argv, self.process.returncode, self.folder))
            if time.monotonic() > end:
                raise RuntimeError("%s does not answer" % self.argv)
            time.sleep(0.001)

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(STOP_S)

    def processor_s(self):
        """Processor time used so far. taskset becomes the program that it
        starts, so the process id is the server's own."""
        with open("/proc/%d/stat" % self.process.pid, encoding="utf-8") as f:
            fields = f.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_bytes(self, what):
        """As Linux counts it: VmRSS now, VmHWM at most."""
        with open("/proc/%d/status" % self.process.pid,
                  encoding="utf-8") as f:
            for line in f:
                if line.startswith(what + ":"):
                    return int(line.split()[1]) * 1024
        raise RuntimeError("no " + what)

    def forget_peak(self):
        """VmHWM counts from now on (proc(5), clear_refs)."""
        path = "/proc/%d/clear_refs" % self.process.pid
        with open(path, "w", encoding="utf-8") as f:
            f.write("5")

    def answers(self):
        try:
            return self.ask("GET", *self.probe)[0] == self.status
        except (OSError, http.client.HTTPException):
            return False

    def ask(self, method, path, headers, body=None):
        """(status, headers, body) of one request on a connection of its
        own."""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=START_S)
        try:
            c.request(method, path, headers=headers, body=body)
            r = c.getresponse()
            return r.status, r.headers, r.read()
        finally:
            c.close()

    def must(self, method, path, headers, body=None, want=200):
        """(headers, body) of an answer that must have this status."""
        status, got, answer = self.ask(method, path, headers, body)
        if status != want:
            raise RuntimeError("%s %s: %d %s" % (method, path, status,
                                                 answer[:200]))
        return got, answer


class Tombolo(Process):
    """The server, on the demo's accounts and declaration."""

    program = "tombolo"

    def __init__(self, data, core=None, sites_cache=True):
        env = {} if sites_cache else {"TOMBOLO_SITES_CACHE_MAX_BYTES": "0"}
        super().__init__([str(BUILD / self.program), "serve", "--demo",
                          "--listen", "127.0.0.1:PORT", "--data", str(data)],
                         core, pathlib.Path(data).parent, env)

    def __enter__(self):
        super().__enter__()
        # Checking a password takes tens of milliseconds, once.
        for account in (SITE, PRIMARY):
            self.must("GET", "/sync/v5/site", basic(account))
        return self

    def user(self):
        """What the demo's user sends along."""
        body = json.dumps({"username": USER[0], "password": USER[1]})
        _, answer = self.must("POST", "/api/v1/auth/token",
                              {"Content-Type": "application/json"}, body)
        return {"Authorization": "Bearer " + json.loads(answer)["token"]}


class Unaudited(Tombolo):
    """The same without its audit trail (bench/unaudited.c)."""

    program = "bench/bench_unaudited"


class BareHttp(Process):
    """libmicrohttpd alone: answers always the same."""

    def __init__(self, folder, headers, body, core=None, status=200):
        argv = [str(BUILD / "bench" / "bench_bare_http"), "--port", "PORT",
                "--status", str(status), "--body", body]
        self.status = status
        for pair in headers.items():
            argv += ["--header", "%s: %s" % pair]
        super().__init__(argv, core, folder)


NGINX_CONF = """\
daemon off;
master_process off;
pid nginx.pid;
error_log error.log;
events { worker_connections 1024; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  open_file_cache max=100;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  types { application/json json; }
  server { listen 127.0.0.1:PORT; root www; }
}
"""


class Nginx(Process):
    """A private nginx with one worker that sends files."""

    def __init__(self, folder, core=None):
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        super().__init__([nginx, "-p", str(folder), "-c", "nginx.conf"],
                         core, folder)
        (self.folder / "www").mkdir(parents=True)
        (self.folder / "www" / "index.html").write_text("nginx\n")
        (self.folder / "nginx.conf").write_text(
            NGINX_CONF.replace("PORT", str(self.port)))

    def put(self, name, body):
        (self.folder / "www" / name).write_bytes(body)
