"""Collections that are declared otherwise than before, over restarts."""

import pytest

from harness import Server

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
