"""A store that was restored from a backup: once the operator has said so,
clients that read more than the backup holds start over."""

import shutil

import pytest

from cli import CliError
from events import EventsOrg, event, uuids
from harness import ADMIN_PASSWORD, CONFIG, Server


@pytest.fixture
def server(tmp_path):
    s = Server(tmp_path, config=CONFIG)
    s.cli.init("first", "first-admin", ADMIN_PASSWORD)
    s.start()
    yield s
    s.stop()


def restore(server, backup):
    """Back to the backup, with the keys as they are."""
    server.stop()
    shutil.rmtree(server.data)
    shutil.copytree(backup, server.data)


def test_readers_of_a_restored_store_start_over(server, tmp_path):
    org = EventsOrg(server)
    user = org.user()
    user.posted(event("kept"))
    server.stop()
    shutil.copytree(server.data, tmp_path / "backup")
    server.start()
    user.posted(event("lost"))
    cursor = user.get().headers["X-Events-Cursor"]
    restore(server, tmp_path / "backup")

    server.cli.run("restored")
    server.start()
    # The number of what was lost is given to another event.
    user.posted(event("new"))
    r = user.get(after=cursor)

    assert r.headers["X-Events-Resync"] == "1"
    assert uuids(r.json()) == ["kept", "new"]
    assert "X-Events-Resync" not in user.get(
        after=r.headers["X-Events-Cursor"]).headers


def test_what_was_said_is_on_the_audit_trail_and_the_store_is_sound(server):
    org = EventsOrg(server)
    user = org.user()
    user.posted(event("a"))
    server.stop()
    server.cli.run("restored", "--org", org.name)
    server.cli.run("check")
    server.cli.run("audit", "verify")
    with pytest.raises(CliError):
        server.cli.run("restored", "--org", "nobody")
