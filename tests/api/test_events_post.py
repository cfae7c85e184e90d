"""POST events: what is taken, what is refused and with which words, and that
what is refused leaves nothing behind."""

import json

import pytest

from events import (AHEAD_MAX_S, LENIENT, MINIMAL, WHEN, Client, EventsOrg,
                    assert_error, event, events, events_of, now, shown, uuids)
from harness import CONFIG, Server, at_the_same_time

FORMAT = "Invalid JSON format"
MISSING = "Missing required fields"
TOO_LONG = "Field too long"
TIME = "Invalid timestamp"
EXISTS = "Event already exists"
IDS = ["uuid", "itemUuid", "action"]
STRING_MAX = 512


@pytest.fixture(scope="module")
def shared(server):
    """An org for tests that change nothing."""
    org = EventsOrg(server)
    org.bob = org.user()
    org.bob.posted(event("there", timestamp=1700000000, payload="p"))
    return org


@pytest.fixture
def org(server):
    return EventsOrg(server)


@pytest.fixture
def user(org):
    return org.user()


def table(of):
    return pytest.mark.parametrize("value", of.values(), ids=of.keys())


def with_member(name, value):
    """An event with one member changed, or left out."""
    e = event()
    e.pop(name, None)
    return e if value is Ellipsis else {**e, name: value}


def refuses(org, batch, text, status=400, **members):
    """Alone, behind good ones and before good ones: all of it is refused,
    and nothing of it is stored."""
    before = org.bob.get().content
    for body in ([batch], events(2) + [batch], [batch] + events(2)):
        assert_error(org.bob.post(body), status, text, **members)
    assert org.bob.get().content == before


# --- what is taken -----------------------------------------------------------

def test_an_event_is_shown_as_it_was_posted(user):
    e = event(item="item-1", action="create", payload='{"a":1}')
    assert user.posted(e) == [shown(e, user)]
    assert user.history() == [shown(e, user)]


def test_the_members_are_shown_in_their_order(user):
    e = event(extra=1, another=2)
    backwards = dict(reversed(e.items()))
    assert list(user.posted(backwards)[0]) == list(shown(e, user))[:6] + [
        "another", "extra"]


def test_the_answer_is_the_history_with_the_new_events(user):
    first, second = events(2), events(3)
    user.posted(*first)
    assert uuids(user.posted(*second)) == uuids(first + second)


@pytest.mark.parametrize("body", ["[]", "null", " [ ] ", "null\n"])
def test_nothing_is_accepted_and_answers_the_history(user, body):
    assert user.posted() == []
    user.posted(event("one"))
    assert uuids(events_of(user.post(body))) == ["one"]
    assert len(user.history()) == 1


def test_a_batch_keeps_its_order(user):
    batch = [event(timestamp=WHEN - n) for n in range(50)]
    user.posted(*batch)
    assert uuids(user.history()) == uuids(batch)


def test_a_uuid_need_not_look_like_one(user):
    names = ["1", " ", "../x", "a/b?c=d", "\U0001d11e", "*", "null", "{}",
             "x" * STRING_MAX, "\u00e9" * (STRING_MAX // 2), "\\", '"', "A",
             "a"]
    user.posted(*[event(n) for n in names])
    assert uuids(user.history()) == names


@pytest.mark.parametrize("member", IDS)
def test_a_string_may_be_as_long_as_its_limit(user, member):
    values = ["x" * STRING_MAX, "\u20ac" * (STRING_MAX // 3),
              "\U0001d11e" * (STRING_MAX // 4)]
    user.posted(*[with_member(member, v) for v in values])
    assert [e[member] for e in user.history()] == values


@pytest.mark.parametrize("timestamp", [1, 2, 999999999, WHEN])
def test_a_timestamp_is_kept(user, timestamp):
    e = event(timestamp=timestamp)
    assert user.posted(e)[0]["timestamp"] == timestamp


def test_a_timestamp_may_be_24_hours_ahead(user):
    e = event(timestamp=now() + AHEAD_MAX_S)
    assert user.posted(e) == [shown(e, user)]


@table({"missing": Ellipsis, "null": None})
def test_a_payload_that_is_missing_is_empty(user, value):
    assert user.posted(with_member("payload", value))[0]["payload"] == ""


@pytest.mark.parametrize("payload", [
    "", " ", "{}", "not json", "[1,", "\u0000", "\u0000\u0001\u001f",
    "\u2028\U0010ffff\ufffd", '"', "\\", "x" * (1 << 20)],
    ids=["empty", "blank", "object", "text", "half", "NUL", "controls",
         "unicode", "quote", "backslash", "1 MiB"])
def test_a_payload_is_any_string(user, payload):
    assert user.posted(event(payload=payload))[0]["payload"] == payload
    assert user.history()[0]["payload"] == payload


@table({"missing": Ellipsis, "null": None, "empty": "", "another": "user123",
        "an administrator": "admin"})
def test_the_author_is_the_caller_whatever_was_sent(user, value):
    assert user.posted(with_member("userUuid", value))[0]["userUuid"] \
        == user.uuid


@table({"number": 5, "true": True, "array": ["x"], "object": {"a": 1}})
def test_an_author_that_is_no_text_is_overwritten_or_refused(user, value):
    r = user.post([with_member("userUuid", value)])
    if r.status_code == 200:
        assert [e["userUuid"] for e in r.json()] == [user.uuid]
    else:
        assert_error(r, 400, FORMAT)
        assert user.history() == []


def test_the_author_of_an_administrators_event_is_the_administrator(org):
    assert org.admin.posted(event(userUuid="other"))[0]["userUuid"] \
        == org.admin.uuid


def test_unknown_members_are_kept(user):
    more = {"device": "phone", "n": 1, "f": 1.5, "b": True, "nothing": None,
            "list": [1, [2]], "deep": {"a": {"b": []}}, "": "empty name",
            "UUID": "other case"}
    e = event(**more)
    got = user.posted(e)[0]
    assert got == shown(e, user)
    assert list(got) == list(shown(e, user))


def test_two_events_may_be_equal_but_for_the_uuid(user):
    assert len(user.posted(*events(5))) == 5


def test_users_posts_are_in_the_order_of_their_arrival(org):
    users, sent = org.users(3), []
    for n in range(12):
        batch = events(1 + n % 3, timestamp=WHEN - n)
        users[n % 3].posted(*batch)
        sent += uuids(batch)
    for user in users:
        assert uuids(user.history()) == sent


# --- what is refused ---------------------------------------------------------

@table({"missing": Ellipsis, "null": None, "empty": ""})
@pytest.mark.parametrize("member", IDS)
def test_a_string_that_is_missing_is_400(shared, member, value):
    refuses(shared, with_member(member, value), MISSING)


@table({"missing": Ellipsis, "null": None})
def test_a_timestamp_that_is_missing_is_400(shared, value):
    refuses(shared, with_member("timestamp", value), MISSING)


@table({"number": 5, "zero": 0, "fraction": 1.5, "true": True,
        "false": False, "array": [], "array of text": ["x"], "object": {},
        "object of text": {"a": "b"}})
@pytest.mark.parametrize("member", IDS + ["payload"])
def test_a_string_of_a_wrong_type_is_400(shared, member, value):
    refuses(shared, with_member(member, value), FORMAT)


@table({"text": "1678886400", "true": True, "false": False, "array": [],
        "array of a number": [WHEN], "object": {}})
def test_a_timestamp_of_a_wrong_type_is_400(shared, value):
    refuses(shared, with_member("timestamp", value), FORMAT)


@table({"one byte": "x" * (STRING_MAX + 1), "10 kB": "x" * 10000,
        "in bytes": "\u00e9" * (STRING_MAX // 2 + 1), "1 MB": "x" * 10 ** 6})
@pytest.mark.parametrize("member", IDS)
def test_a_string_over_its_limit_is_400(shared, member, value):
    refuses(shared, with_member(member, value), TOO_LONG)


def text_with(member, literal):
    """An event as text, with a value that json.dumps would not write."""
    text = json.dumps(with_member(member, "@"))
    return text.replace('"@"', literal)


@pytest.mark.parametrize("literal", [
    "0", "-0", "-1", "-1678886400", "1.5", "1678886400.0", "1678886400.5",
    "1e9", "1E9", "16788864e2", "1.678886400e9", "0.5", "-1e9",
    "9223372036854775807", "9223372036854775808", "18446744073709551615",
    "18446744073709551616", "18446744073709551617", "36893488148825989616",
    "9" * 60, "-9223372036854775809", "1e400", "9" * 5000])
def test_a_timestamp_that_is_no_time_is_400(shared, literal):
    before = shared.bob.get().content
    good, bad = json.dumps(event()), text_with("timestamp", literal)
    for body in ("[%s]" % bad, "[%s,%s]" % (good, bad),
                 "[%s,%s]" % (bad, good)):
        assert_error(shared.bob.post(body), 400, TIME)
    assert shared.bob.get().content == before


@pytest.mark.parametrize("seconds", [120, 3600, 10 ** 9])
def test_a_timestamp_too_far_ahead_is_400(shared, seconds):
    refuses(shared, event(timestamp=now() + AHEAD_MAX_S + seconds), TIME)


@pytest.mark.parametrize("literal", ["01", "+1", "1.", ".5", "0x10", "NaN",
                                     "Infinity", "1e", "--1"])
def test_a_timestamp_that_is_no_json_is_400(shared, literal):
    before = shared.bob.get().content
    body = "[%s]" % text_with("timestamp", literal)
    assert_error(shared.bob.post(body), 400, FORMAT)
    assert shared.bob.get().content == before


@pytest.mark.parametrize("body", [
    "{}", '{"events":[]}', "17", '"x"', '"[]"', "true", "false",
    json.dumps(event()), json.dumps({"0": event()})])
def test_what_is_no_array_is_400(shared, body):
    before = shared.bob.get().content
    for prefer in (None, LENIENT, MINIMAL):
        assert_error(shared.bob.post(body, prefer), 400, FORMAT)
    assert shared.bob.get().content == before


@table({"null": None, "number": 5, "text": "x", "true": True, "array": [],
        "an event in an array": [event()]})
def test_an_element_that_is_no_object_is_400(shared, value):
    refuses(shared, value, FORMAT)


def test_an_empty_object_is_400(shared):
    refuses(shared, {}, MISSING)


@pytest.mark.parametrize("member", IDS + ["timestamp", "payload", "userUuid",
                                          "extra"])
def test_a_member_named_twice_is_400(shared, member):
    text = json.dumps(event(userUuid="u", extra="x"))
    value = json.loads(text)[member]
    before = shared.bob.get().content
    for other in (value, "other"):
        body = "[%s, %s: %s}]" % (text[:-1], json.dumps(member),
                                  json.dumps(other))
        assert_error(shared.bob.post(body), 400, FORMAT)
    assert shared.bob.get().content == before


def test_a_member_named_twice_by_an_escape_is_400(shared):
    text = json.dumps(event())
    before = shared.bob.get().content
    assert_error(shared.bob.post("[%s, \"\\u0075uid\": \"x\"}]" % text[:-1]),
                 400, FORMAT)
    assert shared.bob.get().content == before


LONE = {"high": '"\\ud800"', "low": '"\\udc00"', "high and text":
        '"\\ud800x"', "two high": '"\\ud800\\ud800"', "wrong order":
        '"\\udc00\\ud800"'}


@pytest.mark.parametrize("literal", LONE.values(), ids=LONE.keys())
@pytest.mark.parametrize("member", IDS + ["payload", "userUuid", "extra"])
def test_a_lone_surrogate_is_400(shared, member, literal):
    before = shared.bob.get().content
    body = "[%s]" % text_with(member, literal)
    assert_error(shared.bob.post(body), 400, FORMAT)
    assert shared.bob.get().content == before


@pytest.mark.parametrize("value", ["\u0000", "a\u0000b", "there\u0000"])
@pytest.mark.parametrize("member", IDS)
def test_nul_in_a_name_is_400(shared, member, value):
    """Never is it the end of the name."""
    refuses(shared, with_member(member, value), FORMAT)


def test_nul_in_a_name_comes_before_other_flaws(shared):
    refuses(shared, event(item="a\u0000b" + "x" * 600, timestamp=None), FORMAT)


@pytest.mark.parametrize("raw", [b"\xff", b"\xc3", b"\xed\xa0\x80",
                                 b"\xc0\xaf", b"\x00", b"\n", b"\x1f"])
def test_bytes_that_are_no_text_are_400(shared, raw):
    before = shared.bob.get().content
    for member in ("uuid", "payload"):
        body = ("[%s]" % text_with(member, '"x@"')).encode()
        body = body.replace(b"x@", b"x" + raw)
        assert_error(shared.bob.post(body), 400, FORMAT)
    assert shared.bob.get().content == before


@pytest.mark.parametrize("depth", [100, 100000])
def test_a_member_that_is_too_deep_is_400(shared, depth):
    before = shared.bob.get().content
    body = "[%s]" % text_with("extra", "[" * depth + "]" * depth)
    assert_error(shared.bob.post(body), 400, FORMAT)
    assert shared.bob.get().content == before


def test_the_first_bad_event_decides(shared):
    bad = {MISSING: with_member("action", ""), TIME: event(timestamp=-1),
           TOO_LONG: event("x" * 10000)}
    before = shared.bob.get().content
    for text, one in bad.items():
        for other in bad.values():
            assert_error(shared.bob.post([event(), one, other]), 400, text)
    assert shared.bob.get().content == before


def test_the_first_bad_event_decides_also_when_it_exists(shared):
    exists = event("there", payload="other")
    before = shared.bob.get().content
    late = event(timestamp=-1)
    assert_error(shared.bob.post([exists, late]), 409, EXISTS,
                 eventUuid="there")
    assert_error(shared.bob.post([late, exists]), 400, TIME)
    assert shared.bob.get().content == before


# --- the ceiling -------------------------------------------------------------

@pytest.fixture(scope="module")
def small(tmp_path_factory):
    s = Server(tmp_path_factory.mktemp("small"), config=CONFIG
               + "events:\n  batch_max: 10\n")
    s.cli.init("main", "admin", "an-admin-password")
    s.start()
    yield s
    assert s.stop() == 0


def test_a_batch_at_the_ceiling_is_taken(small):
    user = EventsOrg(small).user()
    assert len(user.posted(*events(10))) == 10


@pytest.mark.parametrize("prefer", [None, MINIMAL, LENIENT])
@pytest.mark.parametrize("batch", [
    events(11), [event("same")] * 11, events(10) + [5], [5] * 11,
    events(1000)], ids=["one more", "all the same", "a bad one", "all bad",
                        "many more"])
def test_a_batch_over_the_ceiling_is_413(small, batch, prefer):
    user = EventsOrg(small).user()
    assert_error(user.post(batch, prefer), 413)
    assert user.history() == []


def test_a_large_batch_is_taken_whole(user):
    batch = events(5000)
    assert user.stored(*batch) == 5000
    assert uuids(user.history()) == uuids(batch)


# --- the same uuid -----------------------------------------------------------

def test_the_same_again_is_stored_once(user):
    batch = events(3)
    first = user.posted(*batch)
    for _ in range(3):
        assert user.posted(*batch) == first
    assert user.history() == first


def test_a_retry_with_more_behind_stores_what_is_new(user):
    batch = events(5)
    user.posted(*batch[:2])
    assert user.stored(*batch) == 3
    assert uuids(user.history()) == uuids(batch)


def test_what_is_stored_keeps_its_place(user):
    a, b, c = events(3)
    user.posted(a, b)
    user.posted(c, b, a)
    assert uuids(user.history()) == uuids([a, b, c])


def test_the_same_twice_in_a_batch_is_stored_once(user):
    a, b = events(2)
    assert user.stored(a, b, a, a) == 2
    assert uuids(user.history()) == uuids([a, b])


OTHER = {"timestamp": {"timestamp": WHEN + 1}, "item": {"itemUuid": "other"},
         "action": {"action": "other"}, "payload": {"payload": "other"},
         "member more": {"extra": 1}}


@pytest.mark.parametrize("change", OTHER.values(), ids=OTHER.keys())
def test_the_same_uuid_with_other_content_is_409(user, change):
    e = event(payload="p")
    before = user.posted(e)
    r = user.post(events(2) + [{**e, **change}])
    assert_error(r, 409, EXISTS, eventUuid=e["uuid"])
    assert user.history() == before


@pytest.mark.parametrize("change", OTHER.values(), ids=OTHER.keys())
def test_other_content_inside_a_batch_is_409(user, change):
    e = event(payload="p")
    assert_error(user.post([event(), e, {**e, **change}]), 409, EXISTS,
                 eventUuid=e["uuid"])
    assert user.history() == []


def test_a_member_more_that_changes_is_other_content(user):
    e = event(extra={"a": [1, 2]})
    before = user.posted(e)
    for extra in ({"a": [2, 1]}, {"a": [1]}, None):
        assert_error(user.post([{**e, "extra": extra}]), 409, EXISTS,
                     eventUuid=e["uuid"])
    assert user.history() == before


def test_an_event_of_another_author_is_409(org):
    one, two = org.users(2)
    e = event()
    before = one.posted(e)
    assert_error(two.post([e]), 409, EXISTS, eventUuid=e["uuid"])
    assert_error(org.admin.post([event(), e]), 409, EXISTS,
                 eventUuid=e["uuid"])
    assert one.history() == before


def test_the_first_that_exists_is_named(user):
    a, b = events(2)
    user.posted(a, b)
    r = user.post([{**b, "payload": "x"}, {**a, "payload": "x"}])
    assert_error(r, 409, EXISTS, eventUuid=b["uuid"])


SPELLINGS = {
    "blanks": lambda e: json.dumps(e, indent=3),
    "no blanks": lambda e: json.dumps(e, separators=(",", ":")),
    "other order": lambda e: json.dumps(dict(reversed(e.items()))),
    "the author": lambda e: json.dumps({**e, "userUuid": "anybody"}),
}


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_the_same_content_spelled_in_another_way_is_the_same(user, spell):
    e = event(payload="p")
    before = user.posted(e)
    assert events_of(user.post("[%s]" % spell(e))) == before


def test_no_payload_and_an_empty_one_are_the_same(user):
    e = event(payload="")
    before = user.posted(e)
    for value in (Ellipsis, None):
        again = {**e, "payload": value}
        if value is Ellipsis:
            del again["payload"]
        assert user.posted(again) == before


def test_uuids_compare_by_their_bytes(user):
    names = ["a", "A", "a ", " a", "\u00e9", "e\u0301"]
    assert user.stored(*[event(n) for n in names]) == len(names)
    assert uuids(user.history()) == names


def test_a_retry_is_the_same_after_a_restart(server, user):
    batch = events(3)
    before = user.posted(*batch)
    server.restart(hard=True)
    assert user.posted(*batch) == before
    assert_error(user.post([{**batch[0], "payload": "x"}]), 409, EXISTS,
                 eventUuid=batch[0]["uuid"])


def test_the_same_from_several_connections_is_stored_once(user):
    clients, before = [user.again() for _ in range(6)], 0
    for _ in range(15):
        batch = events(3)
        given = at_the_same_time(lambda n, b=batch: clients[n].stored(*b), 6)
        assert sum(given) == 3
        before += 3
    assert len(user.history()) == before


def test_of_several_contents_of_a_uuid_one_is_stored(org):
    clients, won = org.users(4), []
    assert all(c.token for c in clients)
    for turn in range(15):
        uuid = "contended-%d" % turn
        given = at_the_same_time(lambda n, u=uuid: clients[n].post(
            [event(), event(u, payload=str(n))], MINIMAL), 4)
        assert sorted(r.status_code for r in given) == [200, 409, 409, 409]
        for r in given:
            if r.status_code == 409:
                assert_error(r, 409, EXISTS, eventUuid=uuid)
        won.append(clients[[r.status_code for r in given].index(200)].uuid)
    history = org.history()
    assert len(history) == 2 * len(won)
    assert [e["userUuid"] for e in history[::2]] == won


# --- lenient -----------------------------------------------------------------

def test_lenient_stores_the_good_ones_and_lists_the_others(user):
    there, good = event("there"), events(3)
    user.posted(there)
    bad = [event("late", timestamp=0), {**there, "payload": "other"},
           with_member("action", ""), 5, event("x" * 10000)]
    batch = [good[0], bad[0], bad[1], good[1], bad[2], bad[3], good[2],
             bad[4]]
    rejected, stored = user.lenient(batch)
    assert stored == 3
    assert [(e["index"], e["error"]) for e in rejected] == [
        (1, TIME), (2, EXISTS), (4, MISSING), (5, FORMAT), (7, TOO_LONG)]
    assert [e["eventUuid"] for e in rejected[:4]] == [
        "late", "there", bad[2]["uuid"], None]
    assert uuids(user.history()) == ["there"] + uuids(good)


def test_the_lenient_answer_holds_the_history(user):
    user.posted(event("one"))
    r = user.post([event("two"), {}], LENIENT)
    assert r.status_code == 200
    body = r.json()
    assert list(body) == ["rejected", "events"]
    assert uuids(body["events"]) == ["one", "two"]
    assert body["rejected"] == [
        {"index": 1, "eventUuid": None, "error": MISSING}]
    assert r.headers["X-Events-Rejected"] == "1"
    assert body["events"] == user.history()


def test_lenient_with_nothing_bad_has_the_same_form(user):
    rejected, stored = user.lenient(events(2))
    assert (rejected, stored) == ([], 2)
    assert user.lenient([]) == ([], 0)


def test_lenient_with_nothing_good_is_200(user):
    rejected, stored = user.lenient([{}, 5, None])
    assert [e["index"] for e in rejected] == [0, 1, 2]
    assert stored == 0
    assert user.history() == []


@table({"missing": Ellipsis, "null": None, "number": 5, "array": ["x"],
        "object": {}})
def test_a_uuid_that_cannot_be_read_is_null(user, value):
    rejected, _ = user.lenient([with_member("uuid", value)])
    assert [e["eventUuid"] for e in rejected] == [None]


def test_lenient_in_a_batch_the_first_of_two_stands(user):
    e = event("twice")
    rejected, stored = user.lenient([e, {**e, "payload": "other"}, e])
    assert stored == 1
    assert rejected == [{"index": 1, "eventUuid": "twice", "error": EXISTS}]
    assert user.history() == [shown(e, user)]


def test_lenient_may_be_sent_again(user):
    batch = [event("a"), {}, event("b")]
    first = user.lenient(batch)
    assert first[1] == 2
    assert user.lenient(batch) == (first[0], 0)
    assert uuids(user.history()) == ["a", "b"]


def test_lenient_does_not_excuse_what_is_not_json(user):
    assert_error(user.post("[" + json.dumps(event()), LENIENT), 400, FORMAT)
    assert user.history() == []


@pytest.mark.parametrize("member", IDS + ["timestamp", "payload"])
def test_lenient_lists_a_member_of_a_wrong_type(user, member):
    rejected, stored = user.lenient([with_member(member, {"a": 1}), event()])
    assert [(e["index"], e["error"]) for e in rejected] == [(0, FORMAT)]
    assert stored == 1


def test_what_was_refused_may_be_posted_when_it_is_mended(user):
    batch = events(3)
    assert_error(user.post(batch + [{}]), 400, MISSING)
    assert user.stored(*batch) == 3


def test_a_client_without_an_org_of_its_own_posts_to_its_users(server, org):
    """The org is the user's, never the request's."""
    user = org.user()
    e = event(org="main", org_id=1)
    user.posted(e)
    main = Client(server, "admin", "an-admin-password")
    assert e["uuid"] not in uuids(main.history())
