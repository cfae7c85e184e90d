"""Fleets of real clients, and the servers that they connect to."""

import fcntl

import pytest

from clients import NpmFleet, PythonFleet, TRANSPORTS, install
from realtime import PROGRAM, Server

# As a server's defaults are: clients that are slow for a while stay. But it
# waits no longer at its end, since python's never close the connection.
CALM = {"ping_interval_ms": 25000, "ping_timeout_ms": 20000,
        "connect_timeout_ms": 20000, "close_timeout_ms": 300}


@pytest.fixture(scope="session", autouse=True)
def program():
    """Say at once, and once, that there is nothing to test."""
    if not PROGRAM:
        pytest.exit("TB_REALTIME_TEST_SERVER is not set", 2)


@pytest.fixture(scope="session")
def npm_folder(tmp_path_factory):
    """A temporary folder with npm's client, installed once for all workers;
    what went wrong is kept for the others, too."""
    folder = tmp_path_factory.getbasetemp().parent / "npm-client"
    failure = folder / "failure.txt"
    with open(str(folder) + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            folder.mkdir()
            failure.write_text(install(folder))
    if failure.read_text():
        pytest.fail(failure.read_text(), pytrace=False)
    return folder


@pytest.fixture(scope="session")
def npm_fleet(npm_folder):
    fleet = NpmFleet(npm_folder)
    yield fleet
    fleet.close()


@pytest.fixture(params=["npm", "python"])
def fleet(request):
    """Each test is one of every client."""
    if request.param == "npm":
        return request.getfixturevalue("npm_fleet")
    return PythonFleet()


@pytest.fixture(params=TRANSPORTS.values(), ids=TRANSPORTS.keys())
def transports(request):
    return request.param


@pytest.fixture(scope="module")
def server():
    s = Server(**CALM)
    yield s
    s.stop()


@pytest.fixture
def apps():
    """Those that a test has opened are closed after it."""
    opened = []
    yield opened
    for app in opened:
        app.close()


@pytest.fixture
def open_app(fleet, apps):
    def open_one(server, **kw):
        apps.append(fleet.open("http://127.0.0.1:%d" % server.port, **kw))
        return apps[-1]
    return open_one
