"""subscribe: committed changes of every API, live, for who may see them."""

import json
import time

import pytest

from devices import Caller, DevicesOrg, altered, checked, open_config
from devices_socket import Polling, WebSocket, join
from events import Client, event, rule, shown
from resources import COLLECTIONS, User

UNKNOWN = "Unknown feed"
# As many as a client may follow.
EXTRA = "".join("""\
  - name: extra%d
    path: extra%d
    id: string
    route: central
    visible:
      - {role: any}
    fields:
      - {name: label, type: string}
""" % (n, n) for n in range(16))
FEEDS = [{"feed": "devices"}, {"feed": "events"}, {"feed": "central"},
         {"collection": "tags"}]


@pytest.fixture(scope="module")
def live(serve):
    """An open server with the collections of the resources' tests."""
    return serve(open_config() + COLLECTIONS + EXTRA)


@pytest.fixture
def org(live):
    return DevicesOrg(live)


@pytest.fixture
def joined(org):
    """Joins callers of this org, and closes what was joined."""
    made = []

    def join_one(caller=None, **kw):
        made.append(join(org.server, caller=caller, **kw))
        return made[-1]
    yield join_one
    for s in made:
        s.close()


def subscribe(sock, what, **more):
    """Subscribe, and insist; the cursor."""
    got = sock.call("subscribe", {**what, **more})
    assert set(got) == set(what) | {"cursor"}, got
    assert what.items() <= got.items()
    return got["cursor"]


def change(sock, what):
    """The next change of what is followed."""
    return sock.take("change", lambda c: what.items() <= c.items())


def events_client(caller):
    return Client(caller.server, caller.name, caller.password, caller.uuid)


def resources_client(caller):
    return User(caller.server, caller.name, caller.password, caller.uuid)


def staff(org):
    return org.new_user("--role", "staff")


# --- what a change holds -----------------------------------------------------

@pytest.mark.parametrize("transport", [Polling, WebSocket],
                         ids=["polling", "websocket"])
def test_the_devices_feed(org, joined, transport):
    """All events, pushed and critical ones, in the form of a pull."""
    what = {"feed": "devices"}
    a, b = org.devices(2)
    s = joined(org.user, transport=transport)
    s.emit("subscribe", what)
    first = s.take("subscribed")
    assert set(first) == {"feed", "cursor"}
    n = a.pushed("t", {"n": 1}, timestamp="2025-07-25T12:00:00Z")
    sender = joined(org.user)
    m = sender.critical({"n": 2}, device=a.name)
    got = [change(s, what) for _ in range(2)]
    for c, number in zip(got, (n, m)):
        assert set(c) == {"feed", "cursor", "event"}
        assert checked(c["event"])["id"] == number
    pulled = b.pulled()
    for c, e in zip(got, pulled):
        assert {k: v for k, v in c["event"].items() if k != "status"} \
            == {k: v for k, v in e.items() if k != "status"}


def test_a_device_follows_the_devices_feed(org, joined):
    account = org.account()
    s = join(org.server, account)
    subscribe(s, {"feed": "devices"})
    n = org.device().pushed()
    assert change(s, {"feed": "devices"})["event"]["id"] == n
    s.close()


def test_the_events_feed(org, joined):
    what, user = {"feed": "events"}, org.user
    s = joined(user)
    subscribe(s, what)
    sent = event(item="ward/1", payload="p")
    client = events_client(user)
    client.posted(sent)
    got = change(s, what)
    assert set(got) == {"feed", "cursor", "event"}
    assert got["event"] == shown(sent, client)


def test_the_events_feed_holds_what_the_user_may_view(org, joined):
    what, other = {"feed": "events"}, org.new_user()
    admin = events_client(org.admin)
    admin.put_acl(rule(user=org.user.uuid, item="open/*"))
    s, t = joined(org.user), joined(org.admin)
    for x in (s, t):
        subscribe(x, what)
    hidden, seen = event(item="secret/1"), event(item="open/1")
    admin.posted(hidden)
    admin.posted(seen)
    assert change(s, what)["event"]["uuid"] == seen["uuid"]
    assert [change(t, what)["event"]["uuid"] for _ in range(2)] \
        == [hidden["uuid"], seen["uuid"]]
    assert other.token


def test_the_central_feed(org, joined):
    """For sites, and for administrators."""
    what = {"feed": "central"}
    site, primary = org.org.site(), org.org.primary()
    s = joined(Caller(org.server, site.token()))
    t = joined(org.admin)
    for x in (s, t):
        subscribe(x, what)
    primary.pushed(primary.record("item", "i-1", {"name": "x"}))
    entry, = [e for e in site.central_all()[0] if e["recordID"] == "i-1"]
    for x in (s, t):
        got = change(x, what)
        assert set(got) == {"feed", "cursor", "change"}
        assert got["change"] == entry


def test_a_collection(org, joined):
    """Created, changed and deleted, as its users see it."""
    what, user = {"collection": "things"}, staff(org)
    s = joined(user)
    subscribe(s, what)
    client = resources_client(user)
    record = client.created("things", name="a", count=1)
    got = change(s, what)
    assert set(got) == {"collection", "cursor", "id", "data"}
    assert got["id"] == record["id"]
    assert [got["data"]] == client.records("things")
    assert client.patch("things", record["id"], name="b").status_code == 200
    got = change(s, what)
    assert got["data"]["name"] == "b"
    assert client.delete("things", record["id"]).status_code in (200, 204)
    got = change(s, what)
    assert "data" not in got
    assert (got["id"], got["deleted"]) == (record["id"], True)


def test_a_change_that_a_site_pushed_reaches_phones(org, joined):
    what, user = {"collection": "tags"}, org.user
    primary = org.org.primary()
    s = joined(user)
    subscribe(s, what)
    primary.pushed(primary.record("tags", "tag-1", {"label": "x"}))
    got = change(s, what)
    assert (got["id"], got["data"]["label"]) == ("tag-1", "x")


def test_a_collection_shows_what_the_user_may_see(org, joined):
    """A patient sees the own record alone; staff all."""
    what = {"collection": "people"}
    nurse = staff(org)
    client = resources_client(nurse)
    mine = client.created("people", name="mine")
    patient = org.new_user("--role", "patient", "--profile", mine["id"])
    s, t = joined(patient), joined(nurse)
    for x in (s, t):
        subscribe(x, what)
    other = client.created("people", name="other")
    assert client.patch("people", mine["id"],
                        name="again").status_code == 200
    got = change(s, what)
    assert (got["id"], got["data"]["name"]) == (mine["id"], "again")
    assert [change(t, what)["id"] for _ in range(2)] \
        == [other["id"], mine["id"]]
    assert s.pending("change") == []


# --- cursors -----------------------------------------------------------------

def test_after_goes_on_behind_a_cursor(org, joined):
    what = {"feed": "devices"}
    a = org.device()
    s = joined(org.user)
    start = subscribe(s, what)
    sent = a.pushed_many(10)
    got = [change(s, what) for _ in range(10)]
    assert [c["event"]["id"] for c in got] == sent
    s.close()
    missed = a.pushed_many(5)
    t = joined(org.user)
    subscribe(t, what, after=got[6]["cursor"])
    assert [change(t, what)["event"]["id"] for _ in range(8)] \
        == sent[7:] + missed
    live = a.pushed()
    assert change(t, what)["event"]["id"] == live
    u = joined(org.user)
    subscribe(u, what, after=start)
    assert [change(u, what)["event"]["id"] for _ in range(16)] \
        == sent + missed + [live]
    assert u.pending("change") == []


def test_without_after_it_is_what_comes_from_now_on(org, joined):
    a = org.device()
    a.pushed_many(5)
    s = joined(org.user)
    subscribe(s, {"feed": "devices"})
    n = a.pushed()
    assert change(s, {"feed": "devices"})["event"]["id"] == n
    assert s.pending("change") == []


@pytest.mark.parametrize("what", FEEDS, ids=json.dumps)
def test_a_cursor_of_subscribed_can_be_gone_on_behind(org, joined, what):
    s = joined(org.admin)
    cursor = subscribe(s, what)
    assert set(s.call("unsubscribe", what)) >= set(what)
    subscribe(s, what, after=cursor)


def test_a_cursor_of_the_events_api_is_good_here(org, joined):
    """And "0" is the beginning."""
    what, client = {"feed": "events"}, events_client(org.user)
    sent = [event(item="i/%d" % n) for n in range(4)]
    client.posted(*sent[:2])
    cursor = client.page()[1]
    client.posted(*sent[2:])
    s, t = joined(org.user), joined(org.user)
    subscribe(s, what, after=cursor)
    assert [change(s, what)["event"]["uuid"] for _ in range(2)] \
        == [e["uuid"] for e in sent[2:]]
    subscribe(t, what, after="0")
    got = [change(t, what) for _ in range(4)]
    assert [c["event"]["uuid"] for c in got] == [e["uuid"] for e in sent]
    events, _, starts_over = client.page(got[1]["cursor"])
    assert not starts_over
    assert [e["uuid"] for e in events] == [e["uuid"] for e in sent[2:]]


def test_a_sequence_of_the_central_feed_is_good_here(org, joined):
    what, site, primary = {"feed": "central"}, org.org.site(), \
        org.org.primary()
    primary.pushed(*[primary.record("item", "i-%d" % n, {"n": n})
                     for n in range(3)])
    entries, _ = site.central_all()
    token = Caller(org.server, site.token())
    for at, after in enumerate(["0"] + [e["sequence"] for e in entries]):
        s = joined(token)
        subscribe(s, what, after=str(after))
        primary.pushed(primary.record("item", "live-%d" % at, {}))
        got = []
        while not got or got[-1] != "live-%d" % at:
            got.append(change(s, what)["change"]["recordID"])
        left = [e["recordID"] for e in entries[at:]]
        assert got[:len(left)] == left
        s.close()


def test_a_download_is_followed_from_its_x_last_sync(org, joined):
    what, user = {"collection": "things"}, staff(org)
    client = resources_client(user)
    client.created("things", name="before")
    records, last_sync = client.pull("things")
    assert [r["name"] for r in records] == ["before"]
    missed = client.created("things", name="missed")
    s = joined(user)
    subscribe(s, what, after=last_sync)
    live = client.created("things", name="live")
    got = []
    while not got or got[-1] != live["id"]:
        got.append(change(s, what)["id"])
    assert missed["id"] in got


def test_a_collection_goes_by_the_name_of_its_address(org, joined):
    s = joined(staff(org))
    subscribe(s, {"collection": "shop-stock"})
    assert s.error_of("subscribe", {"collection": "shop_stock"}) == UNKNOWN


def test_what_goes_out_of_sight_is_deleted_and_comes_back(org, joined):
    """A doctor sees the people of the own visits."""
    what, nurse = {"collection": "visits"}, staff(org)
    client = resources_client(nurse)
    doctor = org.new_user("--role", "doctor", "--profile", "7")
    person = client.created("people", name="p")
    visit = client.created("visits", person_id=person["id"], doctor_id=7)
    s = joined(doctor)
    subscribe(s, what)
    for doctor_id, is_there in ((8, False), (7, True)):
        r = client.patch("visits", visit["id"], doctor_id=doctor_id)
        assert r.status_code == 200, r.text
        got = change(s, what)
        assert got["id"] == visit["id"]
        assert ("data" in got) is is_there
        assert got.get("deleted", False) is not is_there


def test_a_token_too_old_for_a_collection_is_told_so(org, joined):
    """`young` takes tokens of a second."""
    s = joined(staff(org))
    old = altered(org.server, org.user.token, iat=int(time.time()) - 60)
    t = joined(Caller(org.server, old))
    assert t.error_of("subscribe", {"collection": "young"}) \
        == "Token expired"
    subscribe(t, {"collection": "tags"})
    assert s.pending("error") == []


def test_a_cursor_outlives_a_restart(org, joined):
    what, a = {"feed": "devices"}, org.device()
    s = join(org.server, caller=org.user)
    cursor = subscribe(s, what)
    n = a.pushed()
    org.server.restart(hard=True)
    s.close()
    t = join(org.server, caller=org.user)
    subscribe(t, what, after=cursor)
    assert change(t, what)["event"]["id"] == n
    t.close()


def test_following_under_load_misses_nothing(org, joined):
    """Subscribed while another pushes: each change once and in order."""
    what, a = {"feed": "devices"}, org.device()
    s = joined(org.user)
    cursor = subscribe(s, what)
    sent = a.pushed_many(300)
    t = joined(org.user)
    subscribe(t, what, after=cursor)
    sent += a.pushed_many(300)
    for x in (s, t):
        assert [change(x, what)["event"]["id"] for _ in sent] == sent


def test_unsubscribe_ends_it(org, joined):
    what, a = {"feed": "devices"}, org.device()
    s = joined(org.user)
    subscribe(s, what)
    s.emit("unsubscribe", what)
    assert what.items() <= s.take("unsubscribed").items()
    a.pushed()
    n = s.critical(1, device=a.name)
    s.take("critical_event", lambda e: e["event_id"] == n)
    cursor = subscribe(s, what)
    assert cursor is not None
    assert s.pending("change") == []


# --- who may -----------------------------------------------------------------

@pytest.mark.parametrize("what", FEEDS, ids=json.dumps)
def test_without_a_token_it_is_an_error(joined, what):
    assert joined().error_of("subscribe", what)


@pytest.mark.parametrize("what", [
    {"feed": "nothing"}, {"collection": "nothing"}, {"collection": "item"},
    {"feed": "tags"}, {"collection": "devices"}, {"feed": "Devices"},
    {"feed": ""}, {"collection": ""}], ids=json.dumps)
def test_what_is_not_there_is_unknown(org, joined, what):
    s = joined(org.user)
    text = s.error_of("subscribe", what)
    if all(what.values()):
        assert text == UNKNOWN


@pytest.mark.parametrize("data", [
    {}, {"feed": 5}, {"feed": ["devices"]}, {"collection": {}},
    {"feed": None}, {"feed": "devices", "collection": "tags"}],
    ids=json.dumps)
def test_what_names_nothing_is_an_error(org, joined, data):
    assert joined(org.user).error_of("subscribe", data)


def test_what_is_not_for_the_caller_is_unknown(org, joined):
    site = Caller(org.server, org.org.site().token())
    device = org.account().caller
    for caller, kinds in ((org.user, FEEDS[2:3]),
                          (device, FEEDS[1:]),
                          (site, FEEDS[:2] + FEEDS[3:])):
        s = joined(caller)
        for what in kinds:
            assert s.error_of("subscribe", what) == UNKNOWN, what


@pytest.mark.parametrize("what", FEEDS, ids=json.dumps)
@pytest.mark.parametrize("after", ["x", "", "9" * 40, {}, [1], True, "-1"],
                         ids=json.dumps)
def test_a_cursor_that_is_none_is_an_error(org_of_cursors, what, after):
    """An empty one may be as good as none."""
    s = org_of_cursors
    got = s.call("subscribe", {**what, "after": after})
    if after == "" and "cursor" in got:
        s.call("unsubscribe", what)
    else:
        assert got == {"error": "Invalid after"}


@pytest.fixture(scope="module")
def org_of_cursors(live):
    s = join(live, caller=DevicesOrg(live).admin)
    yield s
    s.close()


def test_a_client_has_up_to_16_subscriptions(org, joined):
    """The seventeenth is refused, and there is room when one ends."""
    s = joined(org.user)
    for n in range(16):
        subscribe(s, {"collection": "extra%d" % n})
    assert s.error_of("subscribe", {"feed": "devices"})
    s.call("unsubscribe", {"collection": "extra3"})
    subscribe(s, {"feed": "devices"})
    n = org.device().pushed()
    assert change(s, {"feed": "devices"})["event"]["id"] == n


def test_another_orgs_changes_are_not_there(live, org, joined):
    other = DevicesOrg(live)
    s = joined(org.user)
    for what in ({"feed": "devices"}, {"feed": "events"},
                 {"collection": "tags"}):
        subscribe(s, what)
    other.device().pushed()
    events_client(other.user).posted(event())
    resources_client(staff(other)).created("tags", id="t-1", label="theirs")
    ours = resources_client(staff(org)).created("tags", id="t-2",
                                                label="ours")
    got = s.take("change")
    assert (got["collection"], got["id"]) == ("tags", ours["id"])
    assert s.pending("change") == []


def test_who_becomes_somebody_else_starts_over(org, joined):
    """Another profile is a change of sight that no record made."""
    what, nurse = {"collection": "people"}, staff(org)
    client = resources_client(nurse)
    first, second = (client.created("people", name=n) for n in "ab")
    patient = org.new_user("--role", "patient", "--profile", first["id"])
    s = joined(patient)
    subscribe(s, what)
    org.cli.run("user", "set-profile", patient.name, "--org", org.name,
                "--profile", second["id"])
    for record in (first, second):
        client.patch("people", record["id"], name="again")
    while True:
        name, (data,) = s.next()
        assert name in ("change", "resync"), (name, data)
        assert what.items() <= data.items()
        if name == "resync":
            assert set(data) == {"collection", "error"}
            break
        assert (data["id"] == second["id"]) is ("data" in data), data
        if data["id"] == second["id"]:
            break


def test_who_may_view_more_starts_over(org, joined):
    """What was hidden before the cursor is not behind it."""
    what, admin = {"feed": "events"}, events_client(org.admin)
    admin.put_acl(rule(user=org.user.uuid, item="open/*"))
    s = joined(org.user)
    subscribe(s, what)
    hidden = event(item="secret/1")
    admin.posted(hidden)
    admin.put_acl(rule())
    admin.posted(event(item="open/1"))
    got = s.take("resync")
    assert set(got) == {"feed", "error"} and got["feed"] == "events"
    subscribe(s, what, after="0")
    assert change(s, what)["event"]["uuid"] == hidden["uuid"]


def test_a_site_hears_of_no_device(org, joined):
    """It may follow the central feed, and nothing else."""
    a = org.device()
    s = joined(Caller(org.server, org.org.site().token()))
    sender = joined(org.user)
    for name, data in (
            ("critical_event", a.event()), ("sync_update", {"data": 1}),
            ("register_device", {"device_id": a.name}),
            ("acknowledge", {"event_id": 1, "device_id": a.name})):
        assert s.error_of(name, data)
    sender.critical("secret", device=a.name)
    sender.call("sync_update", {"data": "secret", "timestamp": "2025-07-25"})
    sender.take("critical_event")
    assert s.error_of("subscribe", {"feed": "devices"}) == UNKNOWN
    assert s.pending("critical_event") == s.pending("sync_update") == []
    assert len(a.pulled()) + a.status()[0]["total"] == 2


def test_rules_that_change_hold_at_once(org, joined):
    """As they do in the events API itself."""
    what = {"feed": "events"}
    admin = events_client(org.admin)
    s = joined(org.user)
    subscribe(s, what)
    first = event(item="ward/1")
    admin.posted(first)
    assert change(s, what)["event"]["uuid"] == first["uuid"]
    admin.put_acl(rule(user=org.user.uuid, item="open/*"))
    admin.posted(event(item="ward/2"))
    seen = event(item="open/1")
    admin.posted(seen)
    got = []
    while not got or got[-1] != seen["uuid"]:
        name, (data,) = s.next()
        if name == "resync":
            subscribe(s, what)
            return
        assert name == "change"
        got.append(data["event"]["uuid"])
        assert data["event"]["itemUuid"] != "ward/2"
