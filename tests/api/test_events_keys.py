"""The keys that sign tokens: rotated without ending a session, retired to end
those of a key."""

import base64
import json
import os

import pytest

from cli import json_lines
from events import EventsOrg, assert_error
from harness import ADMIN_PASSWORD, CONFIG, Server, wait_for

EXPIRED = "Invalid or expired token"


@pytest.fixture
def server(tmp_path):
    s = Server(tmp_path, config=CONFIG)
    s.cli.init("main", "admin", ADMIN_PASSWORD)
    s.start()
    yield s
    s.kill()


@pytest.fixture
def user(server):
    return EventsOrg(server).user()


def key(server, *args, **kw):
    return server.cli.run("key", *args, **kw)


def states(server):
    """The keys in their order: (kid, state)."""
    return [(k["kid"], k["state"])
            for k in json_lines(key(server, "list").stdout)]


def kid_of(token):
    head = token.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(head + "=" * 3))["kid"]


def token_of(user):
    return user.login().json()["token"]


def status(user, token):
    return user.request("GET", "events", token=token).status_code


def test_one_key_signs_from_the_start(server, user):
    assert states(server) == [(kid_of(token_of(user)), "signs")]


def test_a_rotation_ends_no_token_and_signs_with_a_new_key(server, user):
    old = token_of(user)
    assert status(user, old) == 200
    key(server, "rotate")
    new = token_of(user)
    assert kid_of(new) != kid_of(old)
    assert states(server) == [(kid_of(old), "verifies"),
                              (kid_of(new), "signs")]
    # Both that were seen before, and on another connection.
    for token in (old, new):
        assert status(user, token) == 200
        assert status(user.again(), token) == 200


def test_a_retired_key_ends_its_tokens_and_no_others(server, user):
    old = token_of(user)
    unseen = token_of(user)
    assert status(user, old) == 200
    key(server, "rotate")
    new = token_of(user)
    key(server, "retire", kid_of(old))
    for token in (old, unseen):
        assert_error(user.request("GET", "events", token=token), 401, EXPIRED)
    assert status(user, new) == 200
    assert dict(states(server)) == {kid_of(old): "retired",
                                    kid_of(new): "signs"}


def test_the_overlap_survives_a_restart(server, user):
    old = token_of(user)
    key(server, "rotate")
    server.restart()
    assert status(user, old) == 200
    key(server, "retire", kid_of(old))
    server.restart(hard=True)
    assert status(user, old) == 401


def test_a_token_of_the_old_key_still_expires(tmp_path):
    s = Server(tmp_path, config=CONFIG + "events:\n  token_lifetime_s: 1\n")
    s.cli.init("main", "admin", ADMIN_PASSWORD)
    s.start()
    try:
        user = EventsOrg(s).user()
        old = token_of(user)
        key(s, "rotate")
        wait_for(lambda: status(user, old) == 401, "the token to expire")
    finally:
        s.kill()


def test_the_key_that_signs_cannot_be_retired(server, user):
    token = token_of(user)
    assert key(server, "retire", kid_of(token), check=False).returncode != 0
    assert status(user, token) == 200


def test_a_key_that_is_not_there_cannot_be_retired(server):
    assert key(server, "retire", "k000009-0000000000000000",
               check=False).returncode == 5


def test_a_retired_keys_secret_is_gone(server, user):
    old = token_of(user)
    files = {f: open(f, "rb").read() for f in key_files(server)}
    secrets = [v for k, v in files.items() if kid_of(old) in k]
    assert len(secrets) == 1 and len(secrets[0]) >= 32
    key(server, "rotate")
    key(server, "retire", kid_of(old))
    for f in key_files(server):
        assert secrets[0] not in open(f, "rb").read()


def key_files(server):
    return [os.path.join(folder, name)
            for folder, _, names in os.walk(server.data)
            for name in names if name.startswith("k0")]
