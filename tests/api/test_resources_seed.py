"""Every request printed in the resources contract, with the answer printed.

The requests are the printed commands and are run by bash and curl; only the
host, the token and ETags are put in. What differs in the answers is said in
each test.
"""

import datetime
import json
import os
import re
import subprocess

import pytest

import resources_seed as seed
from resources import (BAD_TOKEN, JSON_TYPE, SYNC_HEADERS, User, ids_of,
                       micros, records_of)
from wire import Headers

PRINTED_TOKEN = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9..."
PRINTED_ETAG = "x9y8z7w6v5u4t3s2"
PRINTED_HOSTS = ["http://localhost:8000", "http://api.nabha.local"]
# Each call of curl leaves its head and its body in files of its own.
CURL = """\
n=0
curl() {
	n=$((n + 1))
	: >"$n.body"
	command curl -sS -D "$n.head" -o "$n.body" "$@" || exit 1
	cat "$n.body"
}
"""


def staff_of(server):
    return User(server, "staff", "staff-demo-pass")


class Answer:
    """What curl wrote into its files."""

    def __init__(self, folder, number):
        head = (folder / ("%d.head" % number)).read_text("latin-1")
        first, *lines = head.strip().split("\n")
        self.status_code = int(first.split()[1])
        self.headers = Headers(
            x.strip().split(": ", 1) for x in lines if ": " in x)
        self.content = (folder / ("%d.body" % number)).read_bytes()
        self.text = self.content.decode()

    def json(self):
        return json.loads(self.text)


def run(server, folder, text, token, etag=None):
    """Run printed commands; the answers to each of their calls of curl."""
    text = text.replace(PRINTED_TOKEN, token).replace("<token>", token)
    for host in PRINTED_HOSTS:
        text = text.replace(host, server.base)
    if etag is not None:
        text = text.replace(PRINTED_ETAG, etag.strip('"'))
    for old in list(folder.glob("*.head")) + list(folder.glob("*.body")):
        old.unlink()
    done = subprocess.run(["bash", "-c", CURL + text], cwd=folder, text=True,
                          capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return [Answer(folder, n + 1)
            for n in range(len(list(folder.glob("*.head"))))]


@pytest.fixture
def ask(demo, tmp_path):
    """Runs one printed command against the demo that all share."""
    token = staff_of(demo).token

    def run_one(text, **kw):
        answer, = run(demo, tmp_path, text, token, **kw)
        return answer
    return run_one


def in_order(text):
    """The value of a JSON text, the order of members included."""
    return json.loads(text, object_pairs_hook=lambda pairs: ("object", pairs))


def assert_printed(answer, status, printed):
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == JSON_TYPE
    assert in_order(answer.text) == in_order(printed)


def assert_download(answer, printed):
    assert_printed(answer, 200, printed)
    records_of(answer)


def some_of(printed, *numbers):
    """The records of a printed array with these ids, as they are there."""
    return json.dumps([r for r in json.loads(printed)
                       if r["id"] in numbers])


def test_1_1_status(ask):
    """server_time is now."""
    answer = ask(seed.STATUS_REQUEST)
    server_time = answer.json()["server_time"]
    printed = seed.STATUS.replace("2024-01-21T16:45:30.123456Z", server_time)
    assert_printed(answer, 200, printed)
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)
    around = [micros((now + n * day).strftime("%Y-%m-%dT%H:%M:%SZ"))
              for n in (-1, 1)]
    assert around[0] < micros(server_time) < around[1]


def test_2_1_initial_patient_sync(ask):
    """The headers' names are those printed; X-Last-Sync is of today."""
    answer = ask(seed.PATIENTS_REQUEST)
    assert_download(answer, seed.PATIENTS)
    status, *lines = seed.PATIENTS_HEADERS.split("\n")[1:-1]
    assert status == "HTTP/1.1 %d OK" % answer.status_code
    for line in lines:
        name, value = line.split(": ", 1)
        if name == "Content-Length":
            continue
        got = answer.headers[name]
        if name not in ("Date", "X-Last-Sync", "ETag"):
            assert got == value, name


def test_2_2_incremental_patient_sync(ask):
    assert_download(ask(seed.PATIENTS_SINCE_REQUEST), seed.PATIENTS_SINCE)


def test_2_3_conditional_patient_sync(ask):
    first = ask(seed.ETAG_REQUEST)
    assert_download(first, seed.PATIENTS)
    assert re.findall(r"^([\w-]+): ", seed.ETAG_ANSWER, re.M) == [
        "ETag", "X-Last-Sync"]
    again = ask(seed.MATCH_REQUEST, etag=first.headers["ETag"])
    assert "304 Not Modified" in seed.MATCH_ANSWER
    assert (again.status_code, again.content) == (304, b"")
    for name in ("ETag", "X-Last-Sync"):
        assert again.headers[name] == first.headers[name]


def test_2_3_another_etag_downloads(ask):
    assert_download(ask(seed.MATCH_REQUEST), seed.PATIENTS)


def test_3_1_full_appointment_sync(ask):
    assert_download(ask(seed.APPOINTMENTS_REQUEST), seed.APPOINTMENTS)


def test_3_2_incremental_appointment_sync(ask):
    """Strictly later than the timestamp: 101 is, beside the 103 printed."""
    answer = ask(seed.APPOINTMENTS_SINCE_REQUEST)
    assert_download(answer, some_of(seed.APPOINTMENTS, 101, 103))
    assert in_order(json.dumps(answer.json()[1:])) == in_order(
        seed.APPOINTMENTS_SINCE)


def test_3_3_update_that_succeeds(fresh, tmp_path):
    """The two times printed are one, that of the update."""
    answer, = run(fresh, tmp_path, seed.UPDATE_REQUEST,
                  staff_of(fresh).token)
    when = answer.json()["updated_at"]
    assert_printed(answer, 200, seed.UPDATED.replace(
        "2024-01-21T16:50:15Z", when))
    assert micros(when) > micros("2024-01-21T16:50:15Z")


def test_3_4_update_that_is_stale(fresh, tmp_path):
    staff = staff_of(fresh)
    answer, = run(fresh, tmp_path, seed.STALE_REQUEST, staff.token)
    assert_printed(answer, 409, seed.STALE)
    assert in_order(staff.sync("appointments").text) == in_order(
        seed.APPOINTMENTS)


def test_4_1_full_inventory_sync(ask):
    assert_download(ask(seed.INVENTORY_REQUEST), seed.INVENTORY)


def test_4_2_incremental_inventory_sync(ask):
    """Strictly later than the timestamp: 1 is, beside the 3 printed."""
    answer = ask(seed.INVENTORY_SINCE_REQUEST)
    assert_download(answer, some_of(seed.INVENTORY, 1, 3))
    assert in_order(json.dumps(answer.json()[1:])) == in_order(
        seed.INVENTORY_SINCE)


def test_4_3_inventory_of_one_pharmacy(ask):
    assert_download(ask(seed.PHARMACY_REQUEST), seed.PHARMACY)


def test_5_1_invalid_timestamp(ask):
    assert_printed(ask(seed.DATE_ONLY_REQUEST), 400, seed.DATE_ONLY)


def test_5_2_future_timestamp(ask):
    assert_printed(ask(seed.FUTURE_REQUEST), 400, seed.FUTURE)


def test_5_3_no_token(ask):
    answer = ask(seed.NO_TOKEN_REQUEST)
    assert_printed(answer, 401, seed.NO_TOKEN)
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'


def test_5_4_invalid_token(ask):
    """The printed detail, and a code with it."""
    answer = ask(seed.BAD_TOKEN_REQUEST)
    assert_printed(answer, 401, json.dumps(
        {**json.loads(seed.BAD_TOKEN), "code": BAD_TOKEN["code"]}))
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'


def test_6_the_workflow_as_printed(fresh, tmp_path):
    staff = staff_of(fresh)
    status, *downloads = run(fresh, tmp_path, seed.PHASE_1, staff.token)
    assert status.status_code == 200
    for answer, name, printed in zip(
            downloads, ("patient", "appointment", "inventory"),
            (seed.PATIENTS, seed.APPOINTMENTS, seed.INVENTORY)):
        assert_download(answer, printed)
        saved = (tmp_path / (name + "_sync.json")).read_text()
        assert in_order(saved) == in_order(printed)
    etag = downloads[0].headers["ETag"]
    update, = run(fresh, tmp_path, seed.PHASE_3, staff.token)
    assert update.status_code == 200, update.text
    body = update.json()
    assert body["last_synced_at"] == body["updated_at"]
    assert (body["status"], body["diagnosis"]) == (
        "CONFIRMED", "Pneumonia, mild case")
    text = seed.PHASE_4.replace("2024-01-21T17:15:45Z",
                                body["last_synced_at"])
    appointments, inventory, patients = run(
        fresh, tmp_path, text, staff.token, etag=etag)
    assert records_of(appointments) == records_of(inventory) == []
    assert (patients.status_code, patients.content) == (304, b"")


class Device:
    """A worker's device: what it has, what it edits while it is offline."""

    def __init__(self, user, collections):
        self.user = user
        self.have = {c: {} for c in collections}
        self.last, self.edits = {}, []

    def download(self):
        for name, have in self.have.items():
            records, last = self.user.pull(name, self.last.get(name))
            have.update((r["id"], r) for r in records)
            self.last[name] = last

    def edit(self, number, **fields):
        self.have["appointments"][number].update(fields)
        self.edits.append((number, self.last["appointments"], fields))

    def upload(self):
        """Send the edits; those that were refused."""
        refused = []
        for number, base, fields in self.edits:
            r = self.user.update("appointments", number, base, **fields)
            if r.status_code == 200:
                self.have["appointments"][number] = r.json()
            else:
                assert r.status_code == 409, r.text
                refused.append((number, r.json()["suggested_action"]))
        self.edits = []
        return refused


def test_6_the_workflow_of_a_client_that_goes_offline(fresh):
    """One edit reaches the server later; one comes too late, since somebody
    else was faster, and the device refreshes as it is told to."""
    names = ["patients", "appointments", "pharmacy-inventory", "doctors"]
    device, other = Device(staff_of(fresh), names), staff_of(fresh)
    device.download()
    assert sorted(device.have["appointments"]) == [101, 102, 103]
    assert sorted(device.have["doctors"]) == [10, 11, 12]
    device.edit(102, status="CONFIRMED", diagnosis="Pneumonia, mild case")
    device.edit(103, status="CANCELLED")
    other.updated("appointments", other.one("appointments", 103).json(),
                  status="NO_SHOW")
    assert device.upload() == [(103, "REFRESH")]
    device.download()
    mine = device.have["appointments"]
    assert mine[103]["status"] == "NO_SHOW"
    assert mine[102]["diagnosis"] == "Pneumonia, mild case"
    assert list(mine.values()) == other.records("appointments")
    for name in names:
        assert other.records(name, device.last[name]) == []


def script(server, token):
    """The printed script with TOKEN and API set."""
    text = seed.SCRIPT.replace("your_jwt_token_here", token)
    return text.replace(PRINTED_HOSTS[0], server.base)


def test_8_the_printed_script(demo):
    """What it shows: the status, all appointments, those of the last two
    hours, each through jq."""
    token = staff_of(demo).token
    env = {**os.environ, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(["bash", "-c", script(demo, token)], text=True,
                          capture_output=True, timeout=60, check=False,
                          env=env)
    assert done.returncode == 0, done.stderr
    parts = re.split(r"^\\n\d\. .*$", done.stdout, flags=re.M)
    assert parts[0].strip() == "=== Testing Sync Endpoints ==="
    status, whole, since = parts[1:]
    assert list(json.loads(status)) == list(json.loads(seed.STATUS))
    assert in_order(whole) == in_order(seed.APPOINTMENTS)
    assert json.loads(since) == []


def test_8_the_printed_script_after_an_update(fresh):
    staff = staff_of(fresh)
    staff.updated("appointments", staff.one("appointments", 101).json(),
                  status="CONFIRMED")
    done = subprocess.run(["bash", "-c", script(fresh, staff.token)],
                          text=True, capture_output=True, timeout=60,
                          check=True)
    since = re.split(r"^\\n\d\. .*$", done.stdout, flags=re.M)[-1]
    assert ids_of(json.loads(since)) == [101]


def test_7_every_sync_answer_has_the_headers(demo):
    staff = staff_of(demo)
    for name in ("patients", "appointments", "pharmacy-inventory",
                 "doctors"):
        for path in (name + "/sync/", name + "/", name + "/sync", name):
            r = staff.get(path)
            records_of(r)
            assert all(h in r.headers for h in SYNC_HEADERS)
            assert r.json() == staff.records(name)
