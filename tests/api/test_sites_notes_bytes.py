"""A record's data is kept as it was written, numbers digit for digit."""

import json

import pytest

BODIES = [
    '{"a":1.10}', '{"a":1e2}', '{"a":1E+2,"b":1.0e-07}', '{"a":-0}',
    '{"a":12345678901234567890123}', '{"a":0.1000000000000000055511151231}',
    '{"a":"\\u00e9\\u20AC"}', '{"a":"é€𝄞"}', '{"a":"\\ud834\\udd1e"}',
    '{"a":"\\/path\\/"}', '{"a":"\\u0041"}', '{"a":"\\b\\f\\n\\r\\t\\\\"}',
    '{"a":"\\u0000"}', '{"z":1,"a":2,"m":3}', '{ "a" : [ 1 , 2 ] }',
    '{"a":\t1}', '{"a":{},"b":[],"c":null,"d":true,"e":false,"f":""}',
    '{"\\u0061b":1}', '{"":1}', '{"a":[[[[1.50]]]]}', '{"a":"<\u2028>"}',
    '{"a":"' + "x" * 5000 + '"}', '{"a":' + "1234567890" * 50 + "}",
]
NAMES = ["body%d" % i for i in range(len(BODIES))]


def pushed_raw(site, table, record, data):
    head = {"site_id": str(site.number), "table": table, "recordID": record,
            "action": "insert", "sequence": "1"}
    text = "[" + json.dumps(head)[:-1] + ', "data": ' + data + "}]"
    r = site.post("queued_records", text)
    return r


@pytest.mark.parametrize("data", BODIES, ids=NAMES)
def test_the_central_feed_gives_back_what_was_written(org, data):
    p = org.primary()
    r = pushed_raw(p, "item", "x", data)
    if r.status_code == 400 or r.json()["rejected"]:
        # Only what no store can hold may be refused; never altered.
        assert "\\u0000" in data or len(data) > 400
        return
    assert data.encode() in p.get("central_records").content
    assert data.encode() in p.v5().get("central_records").content


@pytest.mark.parametrize("data", BODIES[:8] + BODIES[13:16],
                         ids=NAMES[:8] + NAMES[13:16])
def test_the_queue_gives_back_what_was_written(org, data):
    a, b = org.site(), org.site()
    route = '"store_ID":"%s","status":"fn","other_store_ID":"%s",' % (
        a.store, b.store)
    data = "{" + route + data.lstrip("{")
    assert pushed_raw(a, "transact", "x", data).json()["accepted"] == 1
    assert data.encode() in b.get("queued_records").content
    assert data.encode() in b.v5().get("queued_records").content


def test_bytes_survive_a_restart(server, org):
    p = org.primary()
    for name, data in zip(NAMES[:6], BODIES[:6]):
        pushed_raw(p, "item", name, data)
    server.restart(hard=True)
    content = p.get("central_records").content
    for data in BODIES[:6]:
        assert data.encode() in content


def test_the_export_gives_back_what_was_written(org):
    p = org.primary()
    for name, data in zip(NAMES, BODIES[:6]):
        pushed_raw(p, "item", name, data)
    text = "\n".join(org.export())
    for data in BODIES[:6]:
        assert data in text


def test_numbers_that_differ_only_in_their_digits_are_a_change(org):
    p = org.primary()
    pushed_raw(p, "item", "x", '{"a":1.1}')
    pushed_raw(p, "item", "x", '{"a":1.10}')
    assert b'{"a":1.10}' in p.get("central_records").content


@pytest.mark.parametrize("record", [
    "x", "id with spaces", "ID/with/slashes?&#", 'quote"back\\slash', "é𝄞",
    "0", "a" * 200, "'; drop table record; --", "%2e%2e/"])
def test_record_ids_are_any_text(org, record):
    p, a = org.primary(), org.site()
    p.pushed(p.record("item", record, {"n": 1}))
    entry, = a.central()
    assert entry["recordID"] == record
    b = org.site()
    a.pushed(a.invoice(record, b.store))
    assert b.pull()[0]["recordID"] == record
    assert b.ack([record]) == 1
