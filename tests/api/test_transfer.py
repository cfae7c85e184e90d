"""Histories and access rules go from one store into another by export and
import; files of before these were in them import as before."""

import json
import re

import pytest

from events import WHEN, EventsOrg, event, events, rule, shown, uuids
from harness import ADMIN_PASSWORD, CONFIG, Server

# Written in ways that only a copy of the bytes gives back.
ODD = """[
 {"uuid":"odd-1","timestamp":1678886401,"itemUuid":"i\\u00e9","action":"a/b",
  "payload":"\\u0000\\/\\"\U0001f600\u2028","count":1.10,"more":{ "x" :
  [ 1e2,
    null ] }},
 {"more":[],"action":"edit","payload":null,"itemUuid":"i","timestamp":7,
  "uuid":"odd-2"}]"""
RULES = """
{ "rules" : [
  {"user":"*", "item":"i*", "action":"view", "allow":true},
  {"user":"*", "item":"*", "action":"*", "allow":false}
] }
"""


@pytest.fixture
def target(tmp_path):
    """A store of its own, in which nobody has done anything."""
    s = Server(tmp_path, config=CONFIG)
    s.cli.init("main", "admin", ADMIN_PASSWORD)
    s.start()
    yield s
    assert s.stop() == 0


@pytest.fixture
def org(server):
    """An org with events of two users, rules, and records."""
    org = EventsOrg(server)
    a, b = org.users(2)
    a.posted(*events(30))
    assert b.post(ODD).status_code == 200
    a.posted(event("last", item="other"))
    r = org.admin.request("PUT", "acl", RULES)
    assert r.status_code == 204, r.text
    org.cli.import_lines(server.folder, org.name, records(3))
    org.a, org.b = a, b
    return org


def records(n):
    return [{"table": "item", "recordID": "r%d" % i, "data": {"n": i},
             "created_at": "2026-01-01T00:00:0%d.000000Z" % i,
             "updated_at": "2026-01-02T00:00:0%d.000000Z" % i}
            for i in range(n)]


def event_line(uuid, **more):
    return {"event": {"userUuid": "somebody", **event(uuid, **more)}}


def exported(org):
    return org.cli.run("export", "--org", org.name).stdout


def import_text(server, org, text, **kw):
    path = server.folder / "export.ndjson"
    path.write_text(text, encoding="utf-8", newline="")
    return org.cli.import_(path, org.name, **kw)


def update_times(org):
    return [x["updated_at"] for x in map(json.loads,
                                         exported(org).splitlines())
            if "table" in x]


def test_another_store_has_the_same_history_and_rules(org, target):
    other = EventsOrg(target)
    text = exported(org)
    done = import_text(target, other, text)
    assert "3 records are in, 0 were refused" in done.stdout
    assert "33 events are in, 0 were refused" in done.stdout
    assert exported(other) == text
    here, there = org.admin.get(), other.admin.get()
    assert len(here.json()) == 33
    assert there.content == here.content
    assert other.admin.get("acl").content == org.admin.get("acl").content
    assert other.cli.check().returncode == 0
    assert other.cli.audit_verify().returncode == 0


def test_the_rules_are_those_of_the_other_store(org, target):
    other = EventsOrg(target)
    user = other.user(uuid=org.a.uuid)
    import_text(target, other, exported(org))
    assert uuids(user.history()) == uuids(org.a.history())
    assert "last" not in uuids(user.history())
    assert user.post([event(item="i")]).status_code == 403


def test_a_second_import_changes_nothing(org, target):
    other = EventsOrg(target)
    text = exported(org)
    import_text(target, other, text)
    tag = other.admin.get().headers["ETag"]
    trail = other.cli.audit_verify().stdout
    for again in (exported(other), text):
        import_text(target, other, again)
        assert exported(other) == text
        assert other.admin.get().headers["ETag"] == tag
        assert other.cli.audit_verify().stdout == trail


def test_a_half_that_is_there_already_is_filled_up(org, target):
    other = EventsOrg(target)
    lines = exported(org).splitlines(keepends=True)
    import_text(target, other, "".join(lines[:15]))
    import_text(target, other, "".join(lines))
    assert other.admin.get().content == org.admin.get().content


def test_events_follow_those_that_were_posted(target):
    other = EventsOrg(target)
    user = other.user()
    cursor = user.get().headers["X-Events-Cursor"]
    user.posted(event("posted", timestamp=WHEN + 9))
    other.cli.import_lines(target.folder, other.name,
                           [event_line("b"), event_line("a")])
    assert uuids(user.history(after=cursor)) == ["posted", "b", "a"]
    user.posted(event("behind"))
    assert uuids(user.history(after=cursor)) == ["posted", "b", "a", "behind"]


def test_a_uuid_of_other_content_is_reported_and_the_rest_goes_in(target):
    other = EventsOrg(target)
    mine = event("taken", payload="mine")
    user = other.user()
    user.posted(mine)
    done = other.cli.import_lines(
        target.folder, other.name,
        [event_line("a"), event_line("taken"), event_line("b"),
         event_line("a", payload="again"), event_line("b", payload="")],
        check=False)
    assert done.returncode == 6
    assert re.findall(r":(\d+): event_exists: ", done.stderr) == ["2", "4"]
    assert "3 events are in, 2 were refused" in done.stdout
    history = other.history()
    assert uuids(history) == ["taken", "a", "b"]
    assert history[0] == shown(mine, user)


def test_the_order_in_the_file_is_that_of_each_kind_alone(target):
    other = EventsOrg(target)
    some = [event_line("e%d" % i) for i in range(3)]
    rules = {"acl": {"rules": [rule(allow=False)]}}
    other.cli.import_lines(
        target.folder, other.name,
        [some[0], rules, records(2)[1], some[1], records(2)[0], some[2]])
    lines = [json.loads(x) for x in exported(other).splitlines()]
    assert [x["recordID"] for x in lines[:2]] == ["r0", "r1"]
    assert [x["updated_at"] for x in lines[:2]] == [
        r["updated_at"] for r in records(2)]
    assert uuids(x["event"] for x in lines[2:5]) == ["e0", "e1", "e2"]
    assert lines[5:] == [rules]


def test_imported_events_take_no_times_from_records(target):
    other = EventsOrg(target)
    other.cli.import_lines(target.folder, other.name, [event_line("e")])
    other.cli.import_lines(target.folder, other.name, records(3))
    assert update_times(other) == [r["updated_at"] for r in records(3)]


def test_records_alone_import_as_before(target):
    other = EventsOrg(target)
    line = dict(records(1)[0], event="none", acl=[])
    done = other.cli.import_lines(target.folder, other.name, [line])
    assert done.stdout == "1 records are in, 0 were refused\n"
    lines = exported(other).splitlines()
    assert [json.loads(x) for x in lines] == records(1)
    assert other.history() == []
    assert other.admin.get("acl").json() == {"rules": []}


def test_a_record_of_several_lines_stays_as_it_was_written(server, target):
    here, there = server.org(), target.org()
    site = here.site()
    data = '{ "store_ID" : "%s",\r\n  "n":\n1.10 }' % site.store
    row = json.dumps(site.record("transact", "odd", "data"))
    r = site.post("queued_records", "[%s]" % row.replace('"data": "data"',
                                                         '"data": ' + data))
    assert r.json() == {"accepted": 1, "rejected": []}
    there.cli.store_add(site.store, there.name)
    text = exported(here)
    import_text(target, there, text)
    assert exported(there) == text
    assert json.loads(text)["data"] == data


@pytest.mark.parametrize("line", [
    {"event": None}, {"event": []}, {"event": "x"}, {"event": {}},
    {"event": event("e")}, event_line("e", timestamp=0),
    event_line("e", timestamp=1.5), event_line("e", item=""),
    event_line("e", item="x" * 513), event_line("e", payload=5),
    {"event": {**event("e"), "userUuid": ""}}, {"acl": []}, {"acl": {}},
    {"acl": {"rules": [rule(), {}]}}, {"acl": {"rules": [rule(user="a*")]}},
    {"acl": {"rules": []}}, '{"acl":"{"}'])
def test_a_bad_line_is_named_and_changes_nothing(target, line):
    other = EventsOrg(target)
    before = exported(other)
    done = other.cli.import_lines(
        target.folder, other.name,
        [records(1)[0], event_line("good"), {"acl": {"rules": [rule()]}},
         line], check=False)
    assert done.returncode == 6
    assert re.search(r":4: ", done.stderr)
    assert exported(other) == before == ""


def test_many_events_are_taken_batch_by_batch(target):
    other = EventsOrg(target)
    lines = [event_line("e%d" % i) for i in range(1700)]
    done = other.cli.import_lines(target.folder, other.name, lines)
    assert "1700 events are in, 0 were refused" in done.stdout
    assert uuids(other.history()) == ["e%d" % i for i in range(1700)]
