"""Sources and targets of type `http`: pages, records byte for byte, places to
go on from, and what is sent."""

import json

import pytest

from sources import (CLIENT, TOKEN, Answer, Source, as_json, as_lines,
                     each_allocation_failing, fails, keys, only_failure, query,
                     read, records, reset, secret_file, send, started, turns)

pytestmark = pytest.mark.skipif(
    not CLIENT, reason="TB_CONNECTOR_TEST_CLIENT is not set")


def raw_json(text):
    return Answer(body=text, headers=[("Content-Type", "application/json")])


def things(first, last):
    return [{"id": i, "name": "thing %d" % i} for i in range(first, last + 1)]


class Shelf:
    """A service that pages through `n` things in each of the ways."""

    def __init__(self, n, size=10, paging="none"):
        self.n, self.size, self.paging = n, size, paging

    def __call__(self, request, client):
        path, params = query(request)
        assert path == "/things", path
        start = {"none": lambda: 0,
                 "link": lambda: int(params.get("from", 0)),
                 "cursor": lambda: int(params.get("after", "c0")[1:]),
                 "page": lambda: (int(params["page"]) - 1) * self.size,
                 }[self.paging]()
        size = self.n if self.paging == "none" else self.size
        end = min(start + size, self.n)
        body = {"total": self.n, "items": things(start + 1, end), "next": None}
        headers = []
        if self.paging == "cursor" and end < self.n:
            body["next"] = "c%d" % end
        if self.paging == "link":
            headers = [("Link", ", ".join(self.links(start, end)))]
        return as_json(body, headers=headers)

    def links(self, start, end):
        if start > 0:
            yield '</things?from=%d>; rel="previous"' % (start - self.size)
        if end < self.n:
            yield '</things?from=%d>; title="a, b; \\"c"; rel="last next"' % end


OPTIONS = {
    "none": {"paging": "none"},
    "link": {"paging": "link"},
    "cursor": {"paging": "cursor", "page_param": "after",
               "cursor_field": "next"},
    "page": {"paging": "page", "page_param": "page"},
}
FORM = {"items": "items", "total": "total"}


# --- pages -------------------------------------------------------------------

@pytest.mark.parametrize("paging", OPTIONS)
@pytest.mark.parametrize("n", [0, 1, 10, 35])
def test_all_pages_come_once_and_in_order(paging, n):
    with Source(Shelf(n, paging=paging)) as source:
        outcome = read("http", source, **OPTIONS[paging], **FORM)
    assert outcome.status == 0 and outcome.failures == []
    assert keys(outcome) == [str(i + 1) for i in range(n)]
    assert [p["is_last"] for p in outcome.pages] == \
        [False] * (len(outcome.pages) - 1) + [True]
    done = 0
    for page in outcome.pages:
        done += len(page["records"])
        assert (page["position"], page["total"]) == (done, n)


@pytest.mark.parametrize("paging", OPTIONS)
def test_reading_goes_on_from_each_place(paging):
    """Another process gets the cursor alone."""
    with Source(Shelf(35, paging=paging)) as source:
        seen, cursor, n = [], "", 0
        while n < 10:
            outcome = read("http", source, pages=1, cursor=cursor,
                           **OPTIONS[paging], **FORM)
            [page] = outcome.pages
            seen += keys(outcome)
            assert page["position"] == len(seen)
            if page["is_last"]:
                break
            cursor, n = page["cursor"], n + 1
    assert seen == [str(i + 1) for i in range(35)]


@pytest.mark.parametrize("paging", OPTIONS)
def test_behind_the_last_page_there_is_nothing(paging):
    with Source(Shelf(15, paging=paging)) as source:
        outcome = read("http", source, **OPTIONS[paging], **FORM)
        before = len(source.requests)
        again = read("http", source, cursor=outcome.pages[-1]["cursor"],
                     **OPTIONS[paging], **FORM)
        assert len(source.requests) == before
    assert records(again) == [] and again.pages[0]["is_last"]


@pytest.mark.parametrize("paging", OPTIONS)
def test_a_page_that_fails_is_the_one_that_is_asked_for_again(paging):
    """Each page fails once in a way of its own before it comes."""
    shelf, seen = Shelf(35, paging=paging), {}
    faults = [lambda client: Answer(503),
              lambda client: Answer(429, headers=[("Retry-After", "0")]),
              reset, lambda client: Answer(body='{"items":[{"id":'),
              lambda client: as_json({"items": 5})]

    def flaky(request, client):
        if request.target not in seen:
            seen[request.target] = True
            return faults[len(seen) % len(faults)](client)
        return shelf(request, client)
    with Source(flaky) as source:
        outcome = read("http", source, tries=2, **OPTIONS[paging], **FORM)
    assert outcome.status == 0
    assert len(outcome.failures) == len(seen)
    assert all(f["may_pass"] for f in outcome.failures)
    assert keys(outcome) == [str(i + 1) for i in range(35)]


def test_what_is_asked_for_is_in_each_request_but_in_no_link():
    since = "2023-01-01T00:00:00Z"
    for paging in OPTIONS:
        with Source(Shelf(25, paging=paging)) as source:
            read("http", source, size_param="size", page_size=10,
                 since_param="changed", since=since, **OPTIONS[paging], **FORM)
            asked = [query(r)[1] for r in source.requests]
        assert (asked[0]["size"], asked[0]["changed"]) == ("10", since)
        for params in asked[1:]:
            if paging == "link":
                assert set(params) == {"from"}
            else:
                assert (params["size"], params["changed"]) == ("10", since)


def test_what_is_not_configured_is_not_asked_for():
    with Source(Shelf(25, paging="page")) as source:
        read("http", source, since="2023-01-01T00:00:00Z", **OPTIONS["page"],
             **FORM)
        assert source.targets() == ["/things?page=%d" % n for n in range(1, 5)]


def test_a_path_may_have_filters_and_a_slash():
    with Source(turns(as_json([]))) as source:
        for path in ("/a/b?kind=x", "a/b?kind=x"):
            read("http", source.url + "/v2", path=path, size_param="n",
                 page_size=7)
        assert source.targets() == ["/v2/a/b?kind=x&n=7"] * 2


def test_a_cursor_may_be_a_number_and_is_encoded():
    pages = turns(as_json({"items": [], "next": 7}),
                  as_json({"items": [], "next": "a&b=c/\u00e9 +%"}),
                  as_json({"items": [], "next": ""}))
    with Source(pages) as source:
        outcome = read("http", source, items="items", **OPTIONS["cursor"])
        assert [query(r)[1] for r in source.requests] == [
            {}, {"after": "7"}, {"after": "a&b=c/\u00e9 +%"}]
    assert outcome.status == 0 and len(outcome.pages) == 3


def test_a_cursor_that_is_missing_ends():
    with Source(turns(as_json({"items": things(1, 2)}))) as source:
        outcome = read("http", source, items="items", **OPTIONS["cursor"])
        assert len(source.requests) == 1
    assert outcome.pages[-1]["is_last"]


def test_an_empty_page_is_no_end_where_another_is_named():
    pages = turns(as_json({"items": [], "next": "b"}),
                  as_json({"items": things(1, 1), "next": None}))
    with Source(pages) as source:
        assert keys(read("http", source, items="items",
                         **OPTIONS["cursor"])) == ["1"]


# --- circles -----------------------------------------------------------------

def circle(length, before, paging):
    """Cursors, or links, that go round behind the first few."""
    def respond(request, client):
        at = int(query(request)[1].get("after", 0))
        after = at + 1 if at + 1 < before + length else before
        if paging == "link":
            return as_json({"items": things(at, at)}, headers=[
                ("Link", '</things?after=%d>; rel="next"' % after)])
        return as_json({"items": things(at, at), "next": str(after)})
    return respond


@pytest.mark.parametrize("paging", ["link", "cursor"])
@pytest.mark.parametrize("length, before", [
    (1, 0), (1, 1), (1, 7), (2, 1), (3, 5), (10, 1), (64, 3), (100, 20)])
def test_a_circle_ends(paging, length, before):
    with Source(circle(length, before, paging)) as source:
        outcome = read("http", source, items="items", **OPTIONS[paging])
        assert len(source.requests) <= 5 * (length + before) + 5
    fails(outcome, "cursor_loops", False)


def test_a_circle_is_noticed_over_restarts():
    """Each process reads one page."""
    with Source(circle(5, 2, "cursor")) as source:
        cursor = ""
        for _ in range(40):
            outcome = read("http", source, items="items", pages=1,
                           cursor=cursor, **OPTIONS["cursor"])
            if outcome.status == 1:
                break
            cursor = outcome.pages[0]["cursor"]
    fails(outcome, "cursor_loops", False)


def test_a_server_that_sends_the_same_page_for_each_number_is_a_circle():
    with Source(turns(as_json(things(1, 3)))) as source:
        outcome = read("http", source, **OPTIONS["page"])
    fails(outcome, "cursor_loops", False)
    assert len(outcome.pages) == 1


def test_many_pages_are_no_circle():
    with Source(Shelf(300, size=1, paging="cursor")) as source:
        outcome = read("http", source, **OPTIONS["cursor"], **FORM)
    assert outcome.status == 0 and len(keys(outcome)) == 300


# --- the next page is elsewhere ----------------------------------------------

@pytest.mark.parametrize("link", [
    "http://localhost:{port}/x", "http://127.0.0.1:{other}/x",
    "//127.0.0.1:{other}/x", "https://127.0.0.1:{port}/x",
    "http://a:b@127.0.0.1:{port}/x", "ftp://127.0.0.1:{port}/x"])
def test_a_link_to_elsewhere_is_not_followed(tmp_path, link):
    with Source(turns(as_json([]))) as other:
        def respond(request, client):
            return as_json(things(1, 1), headers=[
                ("Link", "<%s>; rel=next" % link.format(port=source.port,
                                                        other=other.port))])
        with Source(respond) as source:
            outcome = read("http", source, paging="link",
                           token_file=secret_file(tmp_path, TOKEN))
            assert len(source.requests) == 1
        assert other.requests == []
    fails(outcome, "other_host", False, "DENIED")


def test_a_place_of_another_host_is_not_asked(tmp_path):
    """As when the configuration has changed meanwhile."""
    with Source(Shelf(35, paging="link")) as source:
        outcome = read("http", source, pages=1, **OPTIONS["link"], **FORM)
        cursor = outcome.pages[0]["cursor"]
        assert source.url in cursor
        with Source(Shelf(35, paging="link")) as other:
            before = len(source.requests)
            fails(read("http", other, cursor=cursor, **OPTIONS["link"], **FORM,
                       token_file=secret_file(tmp_path, TOKEN)),
                  "other_host", False)
            assert other.requests == []
        assert len(source.requests) == before


@pytest.mark.parametrize("link", [
    "<things?p=2; rel=next", "things?p=2; rel=next", "<>; rel=next",
    '</x>; rel="next', "</x>; rel=next </y>"])
def test_a_link_that_cannot_be_read_is_no_end(link):
    answer = as_json([], headers=[("Link", link)])
    with Source(turns(answer)) as source:
        fails(read("http", source, paging="link"), "answer_invalid", True)


@pytest.mark.parametrize("value", [
    "x", '{"next":5}', "[]", "{}", '{"next":"x"}', "null",
    '{"next":"%s","read":0,"remembered":0,"since":0,"doubled":0,"done":false}'
    % ("x" * 3000)])
def test_a_place_that_is_none_does_not_pass(value):
    with Source(Shelf(5)) as source:
        fails(read("http", source, cursor=value), "cursor_invalid", False)
        assert source.requests == []


def test_a_page_number_that_is_none_does_not_pass():
    with Source(Shelf(25, paging="cursor")) as source:
        cursor = read("http", source, pages=1, **OPTIONS["cursor"],
                      **FORM).pages[0]["cursor"]
    with Source(turns(as_json(things(1, 1)))) as source:
        fails(read("http", source, cursor=cursor, **OPTIONS["page"]),
              "cursor_invalid", False)


def test_a_name_of_the_next_page_has_a_ceiling():
    for n, code in ((2048, None), (2049, "cursor_too_long"),
                    (100000, "cursor_too_long")):
        pages = turns(as_json({"items": [], "next": "x" * n}),
                      as_json({"items": []}))
        with Source(pages) as source:
            outcome = read("http", source, items="items", **OPTIONS["cursor"])
        if code:
            fails(outcome, code, False)
        else:
            assert outcome.status == 0
    # As JSON it is longer than where a job keeps it.
    with Source(turns(as_json({"items": [], "next": "\x01" * 2000}))) as source:
        fails(read("http", source, items="items", **OPTIONS["cursor"]),
              "cursor_too_long", False)


# --- records -----------------------------------------------------------------

def test_bodies_are_what_was_sent_byte_for_byte():
    bodies = ['{ "id" : 1 ,\n"price":1.50E+3,"x":-0.0,"n":12345678901234567890}',
              '{"id":"\\u00e9\\/x","\\u0069d2":"\\ud83d\\ude00","e":[ ]}',
              '{"z":1,"a":{"z":null,"a":1},"id":"\u00e9"}']
    with Source(turns(raw_json("[ %s ]" % " ,\r\n ".join(bodies)))) as source:
        got = records(read("http", source))
    assert [r["body"] for r in got] == bodies
    assert [r["key"] for r in got] == ["1", "\u00e9/x", "\u00e9"]
    assert not any("refused" in r for r in got)


def test_a_key_is_a_text_or_a_whole_number_as_written():
    rows = [('"a"', "a"), ("7", "7"), ("-3", "-3"), ("0", "0"), ("-0", "-0"),
            ("123456789012345678901234567890",) * 2,
            ("1.0", None), ("1e3", None), ("null", None), ("true", None),
            ('""', None), ("[]", None), ("{}", None)]
    text = "[%s,{}]" % ",".join('{"k":%s}' % value for value, _ in rows)
    with Source(turns(raw_json(text))) as source:
        got = records(read("http", source, key="k"))
    for (value, key), record in zip(rows + [("missing", None)], got):
        assert record["key"] == (key or ""), value
        assert record.get("refused") == (None if key else "key_missing"), value
        assert record["body"], value


BAD = ["7", "null", '"x"', "[]", '[{"id":3}]', '{"id":3,"id":4}',
       '{"id":3,"a":{"b":1,"b":2}}', '{"id":3,"a":tru}', '{"id":3 "a":1}',
       '{"id":3,}', '{"id":"\\ud800"}', '{"id":"\\u0000"}', '{"id":01}',
       '{id:3}', '{"id":3,"a":%s1%s}' % ("[" * 100, "]" * 100),
       '{"id":"\x01"}']


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_record_harms_itself_alone(bad):
    with Source(turns(raw_json('[{"id":1},%s,{"id":2}]' % bad))) as source:
        first, second, third = records(read("http", source))
    assert (first["key"], third["key"]) == ("1", "2")
    assert "refused" not in first and "refused" not in third
    assert second["refused"] == "record_invalid"
    assert second["message"] and second["body"] == ""


def test_bytes_that_are_no_text_harm_their_record_alone():
    body = b'[{"id":1},{"id":"\xff\xfe"},{"id":2}]'
    with Source(turns(Answer(body=body))) as source:
        got = records(read("http", source))
    assert [r.get("refused") for r in got] == [None, "record_invalid", None]


@pytest.mark.parametrize("text", [
    "", " ", "nothing", "<html></html>", "7", "null", '"[]"', "{}", "[",
    '[{"id":1}', '[{"id":1},]', "[,]", '[{"id":1} {"id":2}]', "[{]}",
    '[{"id":1}]]', '[{"id":1}] x', '[{"id":"x}]', "[" * 5000,
    '[{"id":1}]\x00', "\ufeff[]"])
def test_an_answer_that_is_no_array_is_invalid_and_may_pass(text):
    with Source(turns(raw_json(text))) as source:
        fails(read("http", source), "answer_invalid", True)


@pytest.mark.parametrize("text", [
    "[]", "{}", '{"item":[]}', '{"items":{}}', '{"items":null}',
    '{"items":5}', '{"items":"[]"}', '{"items":[],"items":[]}',
    '{"items":[],"a":1,"a":2}', '{"items":[]', '{"items":[]]}',
    '{"items":[],}', '{"items":[],"x":tru}', '{"a":{"items":[]}}',
    '{"items":[]} x', '{"x":"\\ud800","items":[]}', '{"\\x":1,"items":[]}',
    '{"items":[],"next":true}', '{"items":[],"next":{}}',
    '{"items":[],"next":[]}', '{"a":%s,"items":[]}' % ("[" * 99 + "]" * 99)])
def test_an_answer_of_another_form_is_invalid_and_may_pass(text):
    with Source(turns(raw_json(text))) as source:
        fails(read("http", source, items="items", **OPTIONS["cursor"]),
              "answer_invalid", True)


def test_the_member_of_the_records_may_be_written_in_any_way():
    text = '{"a":{"items":[7]},"\\u0069tems" : [ {"id":1} ] ,"next":null}'
    with Source(turns(raw_json(text))) as source:
        assert keys(read("http", source, items="items",
                         **OPTIONS["cursor"])) == ["1"]


@pytest.mark.parametrize("total", ["null", '"35"', "-1", "1.5", "[]", "true"])
def test_a_total_that_is_none_is_not_known(total):
    text = '{"total":%s,"items":[{"id":1}]}' % total
    with Source(turns(raw_json(text))) as source:
        outcome = read("http", source, **FORM)
    assert outcome.status == 0 and outcome.pages[0]["total"] == 0


def test_deletions():
    text = ('[{"id":1,"gone":null},{"id":2,"gone":false},{"id":3,"gone":true},'
            '{"id":4,"gone":"2024-01-01"},{"id":5},{"id":6,"gone":0},'
            '{"id":7,"gone":"yes"},{"id":8,"gone":"\\u0079es"},'
            '{"id":9,"gone":1.50}]')

    def deleted(**options):
        with Source(turns(raw_json(text))) as source:
            got = records(read("http", source, **options))
        return [r["key"] for r in got if r["deleted"]]
    assert deleted() == []
    assert deleted(deleted_field="gone") == ["3", "4", "6", "7", "8", "9"]
    assert deleted(deleted_field="gone", deleted_value="yes") == ["7", "8"]
    assert deleted(deleted_field="gone", deleted_value="true") == ["3"]
    assert deleted(deleted_field="gone", deleted_value="1.50") == ["9"]
    assert deleted(deleted_field="gone", deleted_value="1.5") == []


def test_renames_change_names_and_nothing_else():
    text = ('{ "id" : 1,"\\u0061" : {"a" : 2.50} ,"b":[ "a" ],'
            '"c":"a" }')
    with Source(turns(raw_json("[%s]" % text))) as source:
        [record] = records(read("http", source, rename=["a:x", "c:q\"u"]))
    assert record["body"] == ('{ "id" : 1,"x" : {"a" : 2.50} ,"b":[ "a" ],'
                              '"q\\"u":"a" }')


def test_key_and_deletion_go_by_the_names_of_the_source():
    with Source(turns(as_json([{"id": 1, "gone": True}]))) as source:
        [record] = records(read("http", source, rename=["id:ID", "gone:away"],
                                deleted_field="gone"))
    assert (record["key"], record["deleted"]) == ("1", True)
    assert json.loads(record["body"]) == {"ID": 1, "away": True}


def test_renames_may_swap_but_not_collide():
    text = '[{"id":1,"a":1,"b":2},{"id":2,"a":1},{"id":3,"a":1,"c":3}]'
    with Source(turns(raw_json(text))) as source:
        got = records(read("http", source, rename=["a:b", "b:a"]))
        assert [r["body"] for r in got] == [
            '{"id":1,"b":1,"a":2}', '{"id":2,"b":1}', '{"id":3,"b":1,"c":3}']
        got = records(read("http", source, rename="a:c"))
        assert [r.get("refused") for r in got] == [None, None,
                                                   "record_invalid"]


def test_a_large_page_comes_whole():
    rows = [{"id": i, "text": "x" * (i % 50)} for i in range(20000)]
    text = json.dumps(rows)
    with Source(turns(raw_json(text))) as source:
        outcome = read("http", source, page_max_bytes=len(text))
    assert keys(outcome) == [str(i) for i in range(20000)]
    assert [json.loads(r["body"]) for r in records(outcome)] == rows


# --- sending -----------------------------------------------------------------

OK = Answer(201)
RECORDS = [{"key": "a", "body": {"id": "a", "n": 1}},
           {"key": "b", "body": {"id": "b"}}]


def test_a_page_is_posted_as_one_array(tmp_path):
    with Source(turns(OK)) as target:
        outcome = send(target.url + "/v1", RECORDS, path="things?x=1",
                       token_file=secret_file(tmp_path, TOKEN))
        [request] = target.requests
    assert outcome.status == 0 and len(outcome.sent) == 2
    assert (request.method, request.target) == ("POST", "/v1/things?x=1")
    assert request.body == \
        b'[{"id": "a", "n": 1},{"id": "b"}]'
    assert request.headers["content-type"] == "application/json"
    assert request.headers["content-length"] == str(len(request.body))
    assert request.headers["authorization"] == "Bearer " + TOKEN
    assert "expect" not in request.headers


def idempotency(target, given, **options):
    target.requests.clear()
    send(target, given, **options)
    return [r.headers["idempotency-key"] for r in target.requests]


def test_the_same_is_sent_under_the_same_name_and_other_under_another():
    with Source(turns(OK)) as target:
        [name] = idempotency(target, RECORDS, cursor="5", job="job7/2")
        assert 1 <= len(name) <= 200
        assert idempotency(target, RECORDS, cursor="5", job="job7/2") == [name]
        others = [idempotency(target, RECORDS, cursor="6", job="job7/2"),
                  idempotency(target, RECORDS, cursor="5", job="job7/3"),
                  idempotency(target, RECORDS[:1], cursor="5", job="job7/2"),
                  idempotency(target, RECORDS, cursor="5", job="job7/2",
                              path="others")]
    assert len({name, *(o[0] for o in others)}) == 5


def test_deletions_are_sent_by_key_behind_what_is_there():
    given = [{"key": "a/b ?\u00e9", "deleted": True, "body": {"id": 1}},
             *RECORDS, {"key": "9", "deleted": True}]
    with Source(turns(OK, Answer(204), Answer(404))) as target:
        outcome = send(target, given, path="things?x=1")
        assert [(r.method, r.target) for r in target.requests] == [
            ("POST", "/things?x=1"),
            ("DELETE", "/things/a%2Fb%20%3F%C3%A9?x=1"),
            ("DELETE", "/things/9?x=1")]
        assert [r.body for r in target.requests[1:]] == [b"", b""]
        assert len({r.headers["idempotency-key"]
                    for r in target.requests}) == 3
        assert json.loads(target.requests[0].body) == [
            r["body"] for r in RECORDS]
    assert outcome.status == 0


def test_what_is_gone_there_need_not_be_deleted_but_an_error_is_one():
    gone = [{"key": "9", "deleted": True}]
    for status, passes in ((200, True), (204, True), (404, True), (410, True)):
        with Source(turns(Answer(status))) as target:
            assert (send(target, gone).status == 0) == passes
    for status, may_pass in ((403, False), (409, False), (500, True)):
        with Source(turns(Answer(status))) as target:
            fails(send(target, gone), "http_status", may_pass)


def test_what_is_gone_there_is_gone_whatever_comes_behind_the_status():
    """More than is read of it, or less than it said."""
    gone = [{"key": "9", "deleted": True}]
    for tail in (b"Content-Length: 1000000\r\n\r\n" + b"x" * 1000000,
                 b"Content-Length: 1000\r\n\r\nhalf"):
        def answer(request, client, tail=tail):
            client.sendall(b"HTTP/1.1 404 Not Found\r\n" + tail)
        with Source(turns(answer)) as target:
            assert send(target, gone).status == 0


def test_what_is_there_again_is_not_deleted():
    """The last that a page says of a record counts, though deletions are sent
    behind all others."""
    given = [{"key": "a", "deleted": True}, {"key": "b", "deleted": True},
             *RECORDS, {"key": "b", "deleted": True}]
    with Source(turns(OK)) as target:
        outcome = send(target, given)
        assert target.targets() == ["/things", "/things/b"]
        assert json.loads(target.requests[0].body) == [
            r["body"] for r in RECORDS]
    assert outcome.status == 0
    assert not [r for r in outcome.sent if "refused" in r]


def test_deletions_may_be_left_out():
    given = [{"key": "9", "deleted": True}, *RECORDS]
    with Source(turns(OK)) as target:
        assert send(target, given, on_delete="ignore").status == 0
        assert [r.method for r in target.requests] == ["POST"]


def test_a_key_that_is_a_step_in_a_path_is_refused_alone():
    given = [{"key": k, "deleted": True} for k in (".", "..", "x")]
    with Source(turns(OK)) as target:
        outcome = send(target, given)
        assert target.targets() == ["/things/x"]
    assert [r.get("refused") for r in outcome.sent] == [
        "record_id_invalid", "record_id_invalid", None]


def test_what_its_source_refused_is_not_sent():
    given = [{"key": "", "refused": True, "body": {"x": 1}}, *RECORDS]
    with Source(turns(OK)) as target:
        send(target, given)
        assert len(json.loads(target.requests[0].body)) == 2
        target.requests.clear()
        assert send(target, given[:1]).status == 0
        assert send(target, []).status == 0
        assert target.requests == []


@pytest.mark.parametrize("status, may_pass", [
    (400, False), (401, False), (404, False), (408, True), (409, False),
    (413, False), (422, False), (429, True), (500, True), (503, True)])
def test_a_target_says_whether_it_may_pass(status, may_pass):
    answer = Answer(status, headers=[("Retry-After", "3")])
    with Source(turns(answer)) as target:
        failure = fails(send(target, RECORDS), "http_status", may_pass)
        assert len(target.requests) == 1
    assert failure["retry_after_s"] == (3 if may_pass else 0)
    assert failure["message"] == "POST /things: status %d" % status


@pytest.mark.parametrize("status, sent", [
    (301, False), (302, False), (303, False), (307, True), (308, True)])
def test_what_is_sent_is_not_lost_on_a_redirect(status, sent):
    def respond(request, client):
        if request.target == "/things":
            return Answer(status, headers=[("Location", "/new")])
        return OK
    with Source(respond) as target:
        outcome = send(target, RECORDS)
        assert len(target.requests) == (2 if sent else 1)
        if sent:
            first, second = target.requests
            assert (second.method, second.body) == ("POST", first.body)
            assert second.headers == first.headers
    if sent:
        assert outcome.status == 0
    else:
        fails(outcome, "redirect", False)


def test_an_answer_that_is_lost_may_pass():
    def lost(request, client):
        reset(client)
    with Source(turns(lost, OK)) as target:
        assert only_failure(send(target, RECORDS))["may_pass"]
        assert send(target, RECORDS).status == 0
        first, second = target.requests
    assert first.headers["idempotency-key"] == \
        second.headers["idempotency-key"]


def test_a_large_page_is_sent_at_once():
    given = [{"key": str(i), "body": {"id": i, "x": "x" * 1000}}
             for i in range(3000)]
    with Source(turns(OK)) as target:
        assert send(target, given).status == 0
        assert len(json.loads(target.requests[0].body)) == 3000


# --- without memory ----------------------------------------------------------

@pytest.mark.parametrize("paging", OPTIONS)
def test_a_page_without_memory_is_asked_for_again(tmp_path, paging):
    token = secret_file(tmp_path, TOKEN)
    with Source(Shelf(15, paging=paging)) as source:
        def run(**options):
            return (started("http", source, token_file=token, tries=2,
                            rename="name:title", **options, **OPTIONS[paging],
                            **FORM),)
        for outcome in each_allocation_failing(run):
            for failure in outcome.failures:
                assert failure["failure"] == "memory" and failure["may_pass"]
            if outcome.pages:
                assert keys(outcome) == [str(i + 1) for i in range(15)]
                assert outcome.status == 0
            else:
                assert outcome.status == 1 and len(outcome.failures) == 1


def test_nothing_is_said_to_be_sent_without_memory(tmp_path):
    token = secret_file(tmp_path, TOKEN)
    given = [*RECORDS, {"key": "gone", "deleted": True}]
    with Source(turns(OK)) as target:
        def run(**options):
            target.requests.clear()
            return (started("http", target, send="yes", token_file=token,
                            **options), as_lines(given))
        for outcome in each_allocation_failing(run):
            if outcome.status == 0:
                assert len(target.requests) == 2
            else:
                [failure] = outcome.failures
                assert failure["failure"] == "memory" and failure["may_pass"]
