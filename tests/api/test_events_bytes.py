"""What comes out is what went in: values are given back as they were
written, digit by digit and escape by escape."""

import json
import re

import pytest

from events import EventsOrg, WHEN, event, events_of


@pytest.fixture(scope="module")
def org(server):
    return EventsOrg(server)


@pytest.fixture
def user(server):
    return EventsOrg(server).user()


def with_literal(member, literal):
    """An event's text with a value exactly so written."""
    e = {**event(), member: "@@"}
    return "[%s]" % json.dumps(e).replace('"@@"', literal)


def literal_of(response, member):
    """How a member's value is written in an answer of one event."""
    found = re.search(r'"%s"\s*:\s*' % member, response.text)
    text = response.content.decode()[found.end():]
    _, end = json.JSONDecoder().raw_decode(text)
    return text[:end]


STRINGS = {
    "plain": '"{}"', "quotes": '"{\\"name\\": \\"New Name\\"}"',
    "slash": '"a\\/b"', "escapes": '"\\b\\f\\n\\r\\t\\\\"',
    "escaped letter": '"\\u0041"', "upper case hex": '"\\u00E9"',
    "lower case hex": '"\\u00e9"', "raw letter": '"\u00e9"',
    "a pair": '"\\ud834\\udd1e"', "a pair in upper case":
    '"\\uD834\\uDD1E"', "raw above the BMP": '"\U0001d11e"',
    "NUL": '"\\u0000"', "DEL": '"\x7f"', "separators": '"\u2028\u2029"',
    "noncharacter": '"\uffff\U0010ffff"', "composed": '"\u00e9e\u0301"',
    "blanks": '"  a  "', "BOM inside": '"\ufeff"', "markup":
    '"<script>&amp;</script>"'}


@pytest.mark.parametrize("literal", STRINGS.values(), ids=STRINGS.keys())
@pytest.mark.parametrize("member", ["payload", "extra"])
def test_a_string_is_given_back_as_it_was_written(user, member, literal):
    r = user.post(with_literal(member, literal).encode())
    assert events_of(r)
    assert literal_of(r, member) == literal
    assert literal_of(user.get(), member) == literal
    assert literal_of(user.get(limit=1), member) == literal


@pytest.mark.parametrize("literal", [
    v for k, v in STRINGS.items() if k not in ("NUL", "DEL")],
    ids=[k for k in STRINGS if k not in ("NUL", "DEL")])
@pytest.mark.parametrize("member", ["itemUuid", "action", "uuid"])
def test_a_name_is_given_back_as_it_was_written(user, member, literal):
    r = user.post(with_literal(member, literal).encode())
    assert events_of(r)
    assert literal_of(r, member) == literal
    assert literal_of(user.get(), member) == literal


OTHERS = ["1", "-0", "1.0", "1.50", "0.1e-10", "1E5", "1e+5",
          "123456789012345678901234567890", "3.14159265358979323846264338",
          "true", "false", "null", "[]", "{}", "[1,2.0,[3]]",
          '{"b":1,"a":2}', '{"a":{"a":{"a":[{}]}}}']


@pytest.mark.parametrize("literal", OTHERS)
def test_an_unknown_member_keeps_its_digits_and_order(user, literal):
    r = user.post(with_literal("extra", literal))
    assert literal_of(r, "extra") == literal
    assert literal_of(user.get(), "extra") == literal


def test_unknown_members_stand_behind_in_their_order(user):
    body = ('[{"z":1,"uuid":"u","y":2,"timestamp":%d,"x":3,"itemUuid":"i",'
            '"w":4,"action":"a","v":5}]' % WHEN)
    e = events_of(user.post(body))[0]
    assert list(e) == ["uuid", "timestamp", "userUuid", "itemUuid", "action",
                       "payload", "z", "y", "x", "w", "v"]


@pytest.mark.parametrize("name", ["\u00e9", "\U0001d11e", " ", "", "a b",
                                  "userUUID", "payload ", "__proto__"])
def test_an_unknown_member_of_any_name_is_kept(user, name):
    assert user.posted(event(**{name: "v"}))[0][name] == "v"


def test_the_name_of_a_member_may_be_written_with_escapes(user):
    text = json.dumps([event("u-1")]).replace('"uuid"', '"\\u0075uid"')
    e = events_of(user.post(text))[0]
    assert e["uuid"] == "u-1"


def test_every_way_to_the_history_gives_the_same_text(org):
    user = org.user()
    texts = []
    for literal in STRINGS.values():
        user.post(with_literal("payload", literal).encode())
    whole = user.get().text
    decoder, at = json.JSONDecoder(), 1
    while whole[at] == "{":
        _, end = decoder.raw_decode(whole, at)
        texts.append(whole[at:end])
        at = re.compile(r"[\s,]*").match(whole, end).end()
    assert len(texts) == len(user.history())
    cursor, paged = None, []
    for text in texts:
        r = user.get(limit=1, **({"after": cursor} if cursor else {}))
        cursor = r.headers["X-Events-Cursor"]
        paged.append(r.text.strip()[1:-1].strip())
    assert paged == texts
    filtered = user.get(fromTimestamp="1").text
    posted = user.post([]).text
    assert filtered == posted == whole
