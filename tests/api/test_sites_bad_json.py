"""Bodies that are not what they should be: refused whole, with no change."""

import json

import pytest

from watch import Watch

HEAD = (b'[{"site_id":"1","table":"transact","recordID":"bad",'
        b'"action":"insert","sequence":"1","data":')


@pytest.fixture(scope="module")
def watch(server):
    return Watch(server)


def in_data(value):
    return HEAD + value + b"}]"


NOT_JSON = {
    "empty": b"", "blank": b" \n", "word": b"nonsense", "open": b"[",
    "open object": b"[{", "open string": b'[{"table',
    "cut in data": HEAD + b'{"a":', "cut at the end": HEAD + b'{"a":1}}',
    "trailing comma": in_data(b'{"a":[1,]}'),
    "trailing member comma": in_data(b'{"a":1,}'),
    "leading comma": in_data(b'{"a":[,1]}'),
    "no comma": in_data(b'{"a":1 "b":2}'), "no colon": in_data(b'{"a" 1}'),
    "two values": in_data(b"{}") + b"[]",
    "garbage behind": in_data(b"{}") + b"x",
    "single quotes": in_data(b"{'a':1}"), "bare key": in_data(b"{a:1}"),
    "comment": in_data(b'{"a":1/*c*/}'), "line comment": b"[]//c",
    "NaN": in_data(b'{"a":NaN}'), "Infinity": in_data(b'{"a":-Infinity}'),
    "leading zero": in_data(b'{"a":01}'), "plus": in_data(b'{"a":+1}'),
    "bare fraction": in_data(b'{"a":.5}'), "bare point": in_data(b'{"a":1.}'),
    "bare minus": in_data(b'{"a":-}'), "bare exponent": in_data(b'{"a":1e}'),
    "hex": in_data(b'{"a":0x10}'), "wrong case": in_data(b'{"a":True}'),
    "half a literal": in_data(b'{"a":nul}'),
    "control character": in_data(b'{"a":"\x01"}'),
    "raw newline": in_data(b'{"a":"\n"}'),
    "raw NUL in a string": in_data(b'{"a":"\x00"}'),
    "raw NUL between": in_data(b'{"a":\x001}'),
    "raw NUL behind": in_data(b"{}") + b"\x00",
    "bad escape": in_data(b'{"a":"\\x41"}'),
    "short escape": in_data(b'{"a":"\\u12"}'),
    "escape at the end": in_data(b'{"a":"\\"}'),
    "form feed": in_data(b'{"a":\x0c1}'),
}
NOT_TEXT = {
    "bad byte": b'{"a":"\xff"}', "cut sequence": b'{"a":"\xe2\x82"}',
    "stray continuation": b'{"a":"\x80"}', "overlong": b'{"a":"\xc0\xaf"}',
    "surrogate bytes": b'{"a":"\xed\xa0\x80"}',
    "above the last": b'{"a":"\xf4\x90\x80\x80"}',
    "bad byte in a key": b'{"\xff":1}', "latin-1": b'{"a":"caf\xe9"}',
    "lone high": b'{"a":"\\ud800"}', "lone low": b'{"a":"\\udc00"}',
    "high and text": b'{"a":"\\ud800x"}', "two high":
    b'{"a":"\\ud800\\ud800"}', "wrong order": b'{"a":"\\udc00\\ud800"}',
    "lone in a key": b'{"\\ud800":1}',
}
TWICE = {
    "in data": in_data(b'{"a":1,"a":2}'),
    "deep in data": in_data(b'{"o":[{"a":1,"b":2,"a":1}]}'),
    "by an escape": in_data(b'{"a":1,"\\u0061":2}'),
    "data": HEAD + b'{},"data":{}}]',
    "recordID": HEAD + b'{},"recordID":"other"}]',
    "empty key": in_data(b'{"":1,"":2}'),
}


def parametrised(table):
    return pytest.mark.parametrize("body", table.values(), ids=table.keys())


@parametrised(NOT_JSON)
def test_malformed_json_is_400(watch, body):
    with watch.unchanged():
        watch.refused(watch.a.post("queued_records", body), 400)


@parametrised(NOT_TEXT)
def test_bad_utf8_and_lone_surrogates_are_400(watch, body):
    with watch.unchanged():
        watch.refused(watch.a.post("queued_records", in_data(body)), 400)


@parametrised(TWICE)
def test_duplicate_keys_are_400(watch, body):
    with watch.unchanged():
        watch.refused(watch.a.post("queued_records", body), 400)


@pytest.mark.parametrize("depth", [65, 100, 1000, 200000])
@pytest.mark.parametrize("pair", [(b"[", b"]"), (b'{"a":', b"}")],
                         ids=["arrays", "objects"])
def test_depth_over_64_is_400(watch, depth, pair):
    value = pair[0] * depth + b"1" + pair[1] * depth
    with watch.unchanged():
        watch.refused(watch.a.post(
            "queued_records", in_data(b'{"a":' + value + b"}")), 400)


def test_depth_up_to_60_inside_data_is_kept(org):
    p = org.primary()
    value = "[" * 59 + "1" + "]" * 59
    text = json.dumps([p.record("item", "deep")]).replace(
        '"data": {}', '"data": {"a": ' + value + "}")
    assert p.post("queued_records", text).json()["accepted"] == 1
    assert value in p.get("central_records").text


def test_an_unclosed_depth_is_400(watch):
    with watch.unchanged():
        watch.refused(watch.a.post("queued_records", b"[" * 500000), 400)


@pytest.mark.parametrize("digits", [
    "9" * 20000, "-" + "1" * 5000, "0." + "3" * 20000, "1e" + "9" * 2000,
    "1E-" + "9" * 400, "18446744073709551616"],
    ids=["whole", "negative", "fraction", "exponent", "small", "2^64"])
def test_numbers_of_any_length_are_kept_or_refused_never_altered(org, digits):
    p = org.primary()
    text = json.dumps([p.record("item", "x")]).replace(
        '"data": {}', '"data": {"a":' + digits + "}")
    r = p.post("queued_records", text)
    page = p.get("central_records").text
    if r.status_code == 200 and r.json()["accepted"] == 1:
        assert '{"a":' + digits + "}" in page
    else:
        assert r.status_code in (200, 400) and page == "[]"


RECORD = {"site_id": "1", "table": "transact", "recordID": "bad",
          "action": "insert", "sequence": "1", "data": None}


def with_member(watch, name, value):
    record = {**RECORD, "data": {"store_ID": watch.a.store}}
    if value is Ellipsis:
        del record[name]
    else:
        record[name] = value
    return watch.a.post("queued_records", [record])


@pytest.mark.parametrize("name", ["table", "recordID", "action", "data"])
def test_a_missing_field_is_refused(watch, name):
    with watch.unchanged():
        watch.refused_record(with_member(watch, name, Ellipsis))


@pytest.mark.parametrize("name,value", [
    ("table", 1), ("table", None), ("table", []), ("table", ""),
    ("recordID", 1.5), ("recordID", None), ("recordID", {}),
    ("recordID", ""), ("recordID", True), ("action", 1), ("action", None),
    ("action", ["insert"]), ("data", "text"), ("data", []), ("data", 1),
    ("data", None), ("data", True), ("sequence", {}), ("sequence", "abc"),
    ("site_id", {}), ("site_id", "abc")])
def test_a_wrong_type_is_refused(watch, name, value):
    with watch.unchanged():
        watch.refused_record(with_member(watch, name, value))


@pytest.mark.parametrize(
    "action", ["", "upsert", "insert ", "drop", "in sert", "x" * 10000],
    ids=["empty", "upsert", "space behind", "drop", "space inside", "long"])
def test_an_unknown_action_is_refused(watch, action):
    with watch.unchanged():
        watch.refused_record(with_member(watch, "action", action))


@pytest.mark.parametrize("name", ["table", "recordID"])
def test_a_huge_id_is_refused(watch, name):
    with watch.unchanged():
        watch.refused_record(with_member(watch, name, "x" * 100000))


@pytest.mark.parametrize("name", ["table", "recordID"])
@pytest.mark.parametrize("value", ["a\u0000b", "\u0000"])
def test_nul_in_an_id_is_refused(watch, name, value):
    with watch.unchanged():
        watch.refused_record(with_member(watch, name, value))


@pytest.mark.parametrize("body", [
    b"{}", b"17", b'"x"', b"null", b"[null]", b"[1.5]", b"[[]]", b"[{}]",
    b'[{"sequence":"abc"}]', b'[{"sequence":-1}]', b'[{"table":"transact"}]',
    b'[{"recordID":"x"}]', b'[{"table":1,"recordID":"x"}]',
    b'{"syncIDs":"x"}', b'{"syncIDs":{}}', b'{"syncIDs":[1]}', b'["x"',
    b'["\xff"]', b'["\\ud800"]'])
def test_what_is_no_acknowledgement_is_400_and_removes_nothing(watch, body):
    with watch.unchanged():
        watch.refused(watch.b.post("acknowledge_records", body), 400)


def test_a_bad_element_undoes_the_good_ones_before_it(watch):
    with watch.unchanged():
        watch.refused(watch.b.post(
            "acknowledge_records", b'["x", {"sequence":[]}]'), 400)


def test_a_huge_id_in_an_acknowledgement_is_unknown_or_refused(watch):
    with watch.unchanged():
        r = watch.b.post("acknowledge_records", ["x" * 200000])
        if r.status_code == 200:
            assert r.json() == {"acknowledged": 0}
        else:
            watch.refused(r, 400, 413)
