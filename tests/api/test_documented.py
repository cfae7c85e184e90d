"""What README.md, HACKING.md and docs/api/jobs.md tell people to paste into a
shell does what they say: the commands are taken from there, not written down
again."""

import json
import os
import re
import subprocess

import requests

from cli import CALL_TIMEOUT_S, PROGRAM, ROOT
from harness import DEADLINE_S, free_port, wait_for

ADDRESS = "http://127.0.0.1:8000"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|\d+d \d+h \d+m")
# A call that is refused ends the shell.
PRELUDE = r"""
set -euo pipefail
shopt -s expand_aliases
alias curl='curl --silent --show-error --fail-with-body'
"""


def section(name, heading):
    """What stands in a document below a heading, up to the next one."""
    text = (ROOT / name).read_text()
    found = re.search(r"^## %s[^\n]*\n(.*?)(?=^## |\Z)" % re.escape(heading),
                      text, re.MULTILINE | re.DOTALL)
    assert found, "%s has no part %s" % (name, heading)
    return found.group(1)


def blocks(text):
    """Its indented blocks, each as its lines."""
    found = re.findall(r"(?:^    [^\n]*\n)+", text, re.MULTILINE)
    return [[line[4:] for line in b.splitlines()] for b in found]


class Shell:
    """A person's shell in the folder in which the server was built."""

    def __init__(self, base, data, folder):
        self.base, self.data, self.folder = base, str(data), folder
        (folder / "build").mkdir()
        (folder / "build" / "tombolo").symlink_to(
            os.path.abspath(PROGRAM))

    def run(self, script):
        script = PRELUDE + script.replace(ADDRESS, self.base) + "\n"
        done = subprocess.run(
            ["bash", "-c", script], cwd=self.folder, capture_output=True,
            text=True, timeout=CALL_TIMEOUT_S, check=False,
            env={**os.environ, "TOMBOLO_DATA": self.data,
                 "TOMBOLO_LISTEN": self.base.removeprefix("http://")})
        assert done.returncode == 0, (script, done.stdout, done.stderr)
        return done.stdout


class Publisher:
    def __init__(self, server):
        self.server = server
        r = requests.post(server.base + "/api/login", timeout=DEADLINE_S,
                          json={"username": "publisher",
                                "password": "publisher-demo-pass"})
        self.headers = {"Authorization": "Bearer " + r.json()["token"],
                        "orgid": "org123"}

    def settle(self):
        """Wait until every job is over, or waits for its time."""
        wait_for(self.is_quiet, "the jobs to be over")

    def is_quiet(self):
        r = requests.get(self.server.base + "/sync/jobs", timeout=DEADLINE_S,
                         headers=self.headers)
        assert r.status_code == 200, r.text
        return all(j["status"] in ("completed", "failed", "paused") or
                   "nextRunAt" in j for j in r.json()["jobs"])


def without_times(value):
    """As the documents print it, and as it came: a time is `...`."""
    if isinstance(value, dict):
        return {k: without_times(v) for k, v in value.items()}
    if isinstance(value, list):
        return [without_times(v) for v in value]
    if isinstance(value, str) and TIME.fullmatch(value):
        return "..."
    return value


# --- README.md ---------------------------------------------------------------

def steps(lines):
    """The tour's steps: each begins with a comment."""
    text = "\n".join(lines)
    return [x for x in re.split(r"(?m)^(?=# )", text) if x.strip()]


def test_every_line_of_the_tour_is_answered(fresh, tmp_path):
    shell = Shell(fresh.base, fresh.data, tmp_path)
    tour = [line for block in blocks(section("README.md", "A tour"))
            for line in block + [""]]
    # In one shell, since later lines use what earlier ones set.
    shell.run("\n".join(tour))
    Publisher(fresh).settle()
    (operator,) = [x for x in steps(tour) if "an operator" in x]
    assert "build/tombolo job list" in operator
    (job,) = [json.loads(x) for x in
              shell.run("build/tombolo job list").splitlines()]
    assert (job["name"], job["type"]) == ("product-sync", "entity")
    assert (job["status"], job["progress"]) == ("completed", 100)
    assert job["records"]["written"] > 0


# --- HACKING.md --------------------------------------------------------------

# Between starting the server and calling it, a person takes a moment.
STARTED = """
trap 'kill $(jobs -p)' EXIT
for i in $(seq 300); do
    \\curl --silent --output /dev/null %s/sync && break
    sleep 0.1
done
""" % ADDRESS


def test_ten_lines_make_a_collection_for_sites_and_users(tmp_path):
    shell = Shell("http://127.0.0.1:%d" % free_port(), "own", tmp_path)
    _, declaration, start, use = [
        "\n".join(x) for x in blocks(section("HACKING.md", "How to add"))]
    (tmp_path / "own.yaml").write_text(declaration + "\n")
    out = shell.run(start + STARTED + use)
    assert '{"accepted":1,"rejected":[]}' in out
    assert '"lot":"A-17","doses":40' in out
    assert '"lot":"B-3","doses":5' in out
    assert '"table":"vaccine_lots","recordID":"2"' in out


# --- docs/api/jobs.md --------------------------------------------------------

def examples():
    """Each example, as the command and the answer that is printed below it,
    or None."""
    for block in blocks((ROOT / "docs" / "api" / "jobs.md").read_text()):
        if not block[0].startswith(("curl ", "B=")):
            continue
        at = next((i for i, line in enumerate(block) if line[0] == "{"), None)
        command = "\n".join(block[:at])
        printed = None if at is None else json.loads("".join(block[at:]))
        yield command, printed


def test_the_examples_of_jobs_are_answered_as_printed(fresh, tmp_path):
    shell = Shell(fresh.base, fresh.data, tmp_path)
    publisher = Publisher(fresh)
    (preamble, nothing), *calls = examples()
    assert nothing is None and preamble.startswith("B=")
    for command, printed in calls:
        answer = json.loads(shell.run(preamble + "\n" + command))
        assert without_times(answer) == without_times(printed), command
        publisher.settle()
    paths = " ".join(command for command, _ in calls)
    for path in ("/sync\n", "/sync/info", "/sync/queue", "/sync/pause/",
                 "/sync/resume/", "/sync/purge", "/sync/jobs"):
        assert path in paths.replace(" ", "\n") + "\n", path


def test_each_command_of_jobs_is_documented():
    done = subprocess.run([PROGRAM, "job", "--help"], capture_output=True,
                          text=True, timeout=CALL_TIMEOUT_S, check=True)
    verbs = re.findall(r"(?m)^  job (\w+)", done.stdout)
    assert "queue" in verbs
    text = section("docs/api/jobs.md", "From the command line")
    listed = "\n".join(blocks(text)[0])
    for verb in verbs:
        assert re.search(r"\b%s\b" % verb, listed), verb
