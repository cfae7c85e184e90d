"""Servers shared by the tests of a file; orgs and sites are fresh in each."""

import os
import shutil

import pytest

from cli import PROGRAM
from devices import TOKEN_CONFIG, Caller, DevicesOrg, open_config
from harness import ADMIN_PASSWORD, CONFIG, Server, Site
from resources import CONFIG as RESOURCES_CONFIG
from resources import ResourcesOrg


@pytest.fixture(scope="session", autouse=True)
def program():
    """Say at once, and once, that there is nothing to test."""
    if not os.access(PROGRAM, os.X_OK):
        pytest.exit("no program at %s (set TOMBOLO)" % PROGRAM, 2)


def ended(server):
    """TERM must end a server in order: a sanitizer's report would not."""
    code = server.stop()
    assert code == 0, server.log_path.read_text()[-4000:]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with no demo data, initialised by the command line."""
    s = Server(tmp_path_factory.mktemp("server"), config=CONFIG)
    s.cli.init("main", "admin", ADMIN_PASSWORD)
    s.start()
    yield s
    ended(s)


@pytest.fixture
def org(server):
    return server.org()


@pytest.fixture(scope="session")
def made_demo(tmp_path_factory):
    """The data of a demo that has been stopped, to start others from: making
    the accounts takes long."""
    s = Server(tmp_path_factory.mktemp("made_demo"), demo=True)
    s.start()
    ended(s)
    return s.data


def demo_from(made_demo, folder):
    s = Server(folder, demo=True)
    shutil.copytree(made_demo, s.data)
    return s.start()


@pytest.fixture(scope="module")
def demo(made_demo, tmp_path_factory):
    s = demo_from(made_demo, tmp_path_factory.mktemp("demo"))
    yield s
    ended(s)


@pytest.fixture(params=["/sync/v5", "/api/sync/v5"])
def prefix(request):
    return request.param


@pytest.fixture
def site63(demo, prefix):
    return Site(demo, "username", "password", 63, ["store-a"], prefix=prefix)


@pytest.fixture
def site64(demo, prefix):
    return Site(demo, "site64", "password64", 64, ["store-b"], prefix=prefix)


@pytest.fixture
def primary(demo, prefix):
    return Site(demo, "primary", "primary-password", 1, prefix=prefix)


@pytest.fixture
def fresh(made_demo, tmp_path_factory):
    """A demo of the test's own, because what it changes stays."""
    s = demo_from(made_demo, tmp_path_factory.mktemp("fresh"))
    yield s
    ended(s)


@pytest.fixture(scope="module")
def resources(tmp_path_factory):
    """A server whose collections are those of resources.py."""
    s = Server(tmp_path_factory.mktemp("resources"), config=RESOURCES_CONFIG)
    s.cli.init("main", "admin", ADMIN_PASSWORD)
    s.start()
    yield s
    ended(s)


@pytest.fixture
def rorg(resources):
    return ResourcesOrg(resources)


@pytest.fixture(scope="module")
def serve(tmp_path_factory):
    """Starts servers with the org main and a configuration of the test's."""
    started = []

    def start(config):
        s = Server(tmp_path_factory.mktemp("devices"), config=config)
        s.cli.init("main", "admin", ADMIN_PASSWORD)
        started.append(s.start())
        return s
    yield start
    for s in started:
        ended(s)


@pytest.fixture(scope="module")
def open_server(serve):
    """A server whose devices API asks nobody for a token."""
    return serve(open_config())


@pytest.fixture(scope="module")
def token_server(serve):
    """A server whose devices API does, as it does by default."""
    return serve(TOKEN_CONFIG)


@pytest.fixture
def dorg(open_server):
    """An org of its own in the open server; its callers have tokens."""
    return DevicesOrg(open_server)


@pytest.fixture
def nobody(open_server):
    """Who sends no token, and so acts in the open server's org."""
    return Caller(open_server)
