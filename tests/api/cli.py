"""The command line of tombolo as the tests call it, in one place.

Passwords go in on standard input, never as arguments. Each function runs the
program to its end and gives back the finished process; `check=False` lets a
test look at a failure.
"""

import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("TOMBOLO", str(ROOT / "build" / "tombolo"))
CALL_TIMEOUT_S = 120


class CliError(AssertionError):
    """A command that should have worked did not."""


class Cli:
    """The commands for one data folder and, where there is one, its config."""

    def __init__(self, data, config=None):
        self.data = str(data)
        self.config = str(config) if config else None

    def run(self, *args, stdin="", check=True, timeout=CALL_TIMEOUT_S):
        """Run one command with --data (and --config) in front."""
        argv = [PROGRAM, "--data", self.data]
        if self.config:
            argv += ["--config", self.config]
        return run(argv + [str(a) for a in args], stdin, check, timeout)

    def init(self, org, admin, password, title="A title", **kw):
        return self.run("init", "--org", org, "--title", title,
                        "--admin", admin, stdin=password + "\n", **kw)

    def org_add(self, org, title="A title", **kw):
        return self.run("org", "add", org, "--title", title, **kw)

    def site_add(self, name, org, number, password, stores=(),
                 edit_central=False, **kw):
        args = ["site", "add", name, "--org", org, "--id", number]
        for store in stores:
            args += ["--store", store]
        if edit_central:
            args.append("--edit-central")
        return self.run(*args, stdin=password + "\n", **kw)

    def site(self, verb, name, password=None, **kw):
        """set-password, disable, release, explain or resync one site."""
        stdin = password + "\n" if password is not None else ""
        return self.run("site", verb, name, stdin=stdin, **kw)

    def store_add(self, store, org, site=None, name=None, **kw):
        args = ["store", "add", store, "--org", org]
        if name:
            args += ["--name", name]
        if site:
            args += ["--site", site]
        return self.run(*args, **kw)

    def store_assign(self, store, org, site, **kw):
        return self.run("store", "assign", store, "--org", org,
                        "--site", site, **kw)

    def user_add(self, name, org, uuid, password, stores=(), admin=False,
                 **kw):
        args = ["user", "add", name, "--org", org, "--uuid", uuid]
        if admin:
            args.append("--admin")
        for store in stores:
            args += ["--store", store]
        return self.run(*args, stdin=password + "\n", **kw)

    def quarantine(self, verb, org, site=None, table=None, record=None,
                   everything=False, **kw):
        args = ["quarantine", verb, "--org", org]
        if site:
            args += ["--site", site]
        if table:
            args += ["--table", table]
        if record:
            args += ["--id", record]
        if everything:
            args.append("--all")
        return self.run(*args, **kw)

    def quarantined(self, org, site=None):
        """The quarantine's entries: one JSON object a line."""
        return json_lines(self.quarantine("list", org, site).stdout)

    def import_(self, path, org, **kw):
        return self.run("import", path, "--org", org, **kw)

    def import_lines(self, folder, org, lines, **kw):
        """Import rows given as dicts or as text."""
        path = pathlib.Path(folder) / "import.ndjson"
        with open(path, "w", encoding="utf-8") as f:
            for line in lines:
                text = line if isinstance(line, str) else json.dumps(line)
                f.write(text + "\n")
        return self.import_(path, org, **kw)

    def export(self, org):
        """Every record of an org, as the lines of `tombolo export`."""
        return self.run("export", "--org", org).stdout.splitlines()

    def check(self, **kw):
        return self.run("check", **kw)

    def audit_verify(self, **kw):
        return self.run("audit", "verify", **kw)


def run(argv, stdin="", check=True, timeout=CALL_TIMEOUT_S):
    """Run a command line; a failure that is not expected shows its output."""
    done = subprocess.run(argv, input=stdin, text=True, capture_output=True,
                          timeout=timeout, check=False)
    if check and done.returncode != 0:
        raise CliError("%s: exit %d\n%s%s" % (
            " ".join(argv), done.returncode, done.stdout, done.stderr))
    return done


def tombolo(*args, **kw):
    """Run the program with exactly these arguments."""
    return run([PROGRAM] + [str(a) for a in args], **kw)


def json_lines(text):
    return [json.loads(line) for line in text.splitlines() if line.strip()]
