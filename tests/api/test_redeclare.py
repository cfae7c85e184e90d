"""Collections that are declared otherwise than before, over restarts."""

import subprocess
import time

import pytest

from harness import Server
from resources import User

TABLE = "collections:\n  - {name: things, route: central}\n"


def resource(kind):
    return ("collections:\n"
            "  - name: things\n"
            "    path: things\n"
            "    id: integer\n"
            "    route: central\n"
            "    fields: [{name: size, type: %s}]\n" % kind)


@pytest.fixture
def server(tmp_path):
    s = Server(tmp_path, config=resource("string"))
    s.cli.init("main", "anna", "a-password-of-anna")
    s.start()
    yield s
    s.stop()


def load(server, **records):
    return server.cli.import_lines(server.folder, "main", [
        {"table": "things", "recordID": key, "data": data}
        for key, data in records.items()])


SHOWN_BY = ("collections:\n"
            "  - name: things\n"
            "    path: things\n"
            "    route: central\n"
            "    visible: [{role: doctor, field: %s}]\n"
            "    fields: [{name: one, type: string},\n"
            "             {name: other, type: string}]\n")


def said(server):
    return [x for x in server.log() if x["message"] == "collections"]


def redeclare(server, text):
    server.stop()
    server.config.write_text(text)
    server.start()


def test_a_start_with_the_same_collections_says_nothing(server):
    server.restart()
    assert said(server) == []


def test_records_that_contradict_keep_a_collection_as_it_was(server):
    load(server, a={"size": "large"}, b={"size": "small"})
    redeclare(server, resource("integer"))
    (line,) = said(server)
    assert "tombolo.yaml:2: collection `things`: 2 records" in line["error"]
    assert 'field "size": expected an integer' in line["error"]
    # What is in force is what commands act by, too.
    done = load(server, c={"size": "tiny"})
    assert "1 records are in, 0 were refused" in done.stdout
    redeclare(server, resource("text"))
    assert not any("error" in x for x in said(server)[1:])


def test_what_nothing_contradicts_is_put_in_force(server):
    load(server, a={"size": "large"})
    redeclare(server, TABLE)
    assert "placed anew" in said(server)[-1]["done"]
    done = load(server, b={"size": 1})
    assert "1 records are in" in done.stdout


def kill_at_start(server, text, seconds):
    """Start with this declaration, and kill -9 so long afterwards."""
    server.config.write_text(text)
    started = subprocess.Popen(server.argv(), stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    time.sleep(seconds)
    started.kill()
    started.wait()


def test_a_start_that_is_killed_is_begun_again(server):
    """Wherever it was: records are then where the declaration says with which
    the next start is made, be it the new one or the old."""
    count = 3000
    redeclare(server, SHOWN_BY % "one")
    load(server, **{"r%04d" % n: {"one": str(n % 3), "other": str(n % 2)}
                    for n in range(count)})
    server.cli.run("user", "add", "doctor", "--org", "main", "--uuid", "u",
                   "--role", "doctor", "--profile", "1", stdin="a-password\n")
    user = User(server, "doctor", "a-password", "u")
    groups = {"one": 3, "other": 2}
    in_force, next_one = groups
    for step in range(1, 9):
        server.stop()
        kill_at_start(server, SHOWN_BY % next_one, 0.015 * step)
        if step % 4 == 0:
            in_force, next_one = next_one, in_force
        server.config.write_text(SHOWN_BY % in_force)
        server.start()
        want = ["r%04d" % n for n in range(count)
                if n % groups[in_force] == 1]
        assert [r["id"] for r in user.records("things")] == want
