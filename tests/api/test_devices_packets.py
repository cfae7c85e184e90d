"""Socket.IO 5 in the namespace "/": joining, events, acknowledgements,
attachments, and every packet that is none."""

import json
import os
import random
import time

import pytest

from devices import INVALID, NOT_MINE, REQUIRED, DevicesOrg, open_config
from devices_socket import (TEXT, Closed, ConnectError, Polling, Refused,
                            Socket, WebSocket, auth_of, ending, frame,
                            http_request, join, query)
from harness import wait_for

TRANSPORTS = [Polling, WebSocket]

each_transport = pytest.mark.parametrize(
    "transport", TRANSPORTS, ids=["polling", "websocket"])


@pytest.fixture(scope="module")
def org(open_server):
    return DevicesOrg(open_server)


@pytest.fixture(scope="module")
def device(org):
    """What the connections of this file are bound to."""
    return org.device()


@pytest.fixture(params=TRANSPORTS, ids=["polling", "websocket"])
def sock(request, open_server, device):
    s = join(open_server, device, transport=request.param)
    yield s
    s.close()


@pytest.fixture(scope="module")
def hasty(serve):
    """A server that waits a second for clients to join, and has few."""
    return serve(open_config(
        connect_timeout_s=1, clients_max=150, events_per_s=40))


def assert_alive(s):
    assert "server_time" in s.settle()


def assert_ends(s, *packets):
    """Sending this ends the session, and nothing comes of it."""
    try:
        s.engine.send(*packets)
    except Closed:
        return
    s.ended()
    assert [n for n, _ in s.events if n not in ("error", "heartbeat_ack")] \
        == []


def assert_ends_or_not(s, *packets):
    """What the protocol leaves open: it ends, or lives on as it was."""
    try:
        s.engine.send(*packets)
        assert_alive(s)
    except Closed:
        pass


# --- joining -----------------------------------------------------------------

@each_transport
def test_connect_is_answered_and_then_greeted(open_server, transport):
    s = Socket(transport(open_server)).join()
    assert s.sid != s.engine.sid
    assert len(s.sid) >= 16
    s.close()


@each_transport
@pytest.mark.parametrize("auth", ["{}", '{"token":null}', '{"x":[1,{}]}',
                                  '{"token":null,"device_id":null}'])
def test_where_it_is_open_auth_may_hold_nothing(open_server, transport, auth):
    e = transport(open_server)
    e.send("40" + auth)
    assert e.receive().startswith('40{"sid":"')
    assert json.loads(e.receive()[2:]) \
        == ["connected", {"message": "Connected to sync server"}]
    e.close()


@each_transport
@pytest.mark.parametrize("name", ["/admin", "/random", "/a,b"[:2], "//"])
def test_another_namespace_is_refused_and_this_one_is_not(
        open_server, device, transport, name):
    s = Socket(transport(open_server))
    s.engine.send("40%s," % name)
    got = s.engine.receive()
    assert got.startswith("44%s," % name)
    assert json.loads(got[len(name) + 3:]) == {"message": "Invalid namespace"}
    s.join(auth_of(device))
    assert_alive(s)
    s.engine.send('40%s,{"token":"x"}' % name)
    while not got.startswith("44"):
        got = s.engine.receive()
    s.close()


def test_a_namespace_without_its_comma_is_one(open_server):
    ws = WebSocket(open_server)
    ws.send("40/random")
    assert ws.receive() == '44/random,{"message":"Invalid namespace"}'
    ws.close()


@pytest.mark.parametrize("auth,text", [
    ({"token": "x"}, INVALID), ({"token": "x.y.z"}, INVALID),
    ({"token": 5}, None), ({"token": ["x"]}, None),
    ({"device_id": 5}, None), ({"device_id": "x" * 201}, None),
    ({"device_id": ["d"]}, None)], ids=json.dumps)
def test_a_bad_auth_is_a_connect_error(open_server, auth, text):
    s = Socket(WebSocket(open_server))
    with pytest.raises(ConnectError) as e:
        s.join(auth)
    assert text is None or e.value.message == text
    s.close()


def test_after_a_connect_error_one_may_try_again(open_server, device):
    s = Socket(WebSocket(open_server))
    with pytest.raises(ConnectError):
        s.join({"token": "x"})
    s.join(auth_of(device))
    assert_alive(s)
    s.close()


def test_where_tokens_are_asked_for_it_needs_one(token_server):
    org = DevicesOrg(token_server)
    a, b = org.account(), org.device()
    for auth, text in (
            (None, REQUIRED), ({}, REQUIRED), ({"device_id": "d"}, REQUIRED),
            ({"token": ""}, REQUIRED), ({"token": None}, REQUIRED),
            ({"token": "x"}, INVALID), ({"token": a.caller.token + " "}, INVALID),
            ({"token": a.caller.token, "device_id": b.name}, NOT_MINE)):
        s = Socket(WebSocket(token_server))
        with pytest.raises(ConnectError) as e:
            s.join(auth)
        assert e.value.message == text, auth
        s.close()
    for device in (a, b):
        s = join(token_server, device)
        assert_alive(s)
        s.close()
    join(token_server, caller=org.user).close()


def test_a_users_token_does_not_name_a_device_with_an_account(token_server):
    org = DevicesOrg(token_server)
    a = org.account()
    s = Socket(WebSocket(token_server))
    with pytest.raises(ConnectError):
        s.join({"token": org.user.token, "device_id": a.name})
    s.join({"token": org.admin.token, "device_id": a.name})
    assert_alive(s)
    s.close()


@each_transport
def test_disconnect_leaves_the_namespace(open_server, device, transport):
    """And joins it again on the same session, or the session has ended."""
    s = join(open_server, device, transport=transport)
    s.engine.send("41")
    try:
        s.join(auth_of(device))
        assert_alive(s)
    except Closed:
        pass
    s.close()


def test_events_after_disconnect_are_not_taken(dorg):
    a, b = dorg.devices(2)
    s = join(dorg.server, a)
    s.engine.send("41")
    try:
        s.engine.send('42' + json.dumps(["critical_event", a.event()]))
        s.ended()
    except Closed:
        pass
    assert b.pulled() == []
    s.close()


def test_acknowledgements_go_by_the_clients_numbers(sock):
    for number in (0, 1, 12, 2 ** 31, 2 ** 53 - 1):
        sock.engine.send('42%d["heartbeat",{"device_id":"%s"}]'
                         % (number, sock.device))
        assert "server_time" in sock.answer(number)


# --- events before CONNECT ---------------------------------------------------

@each_transport
@pytest.mark.parametrize("packet", [
    '2["heartbeat",{"device_id":"d"}]', '21["x"]', "1", "3", "31[]",
    '2["critical_event",{"event_type":"t","payload":1,"device_id":"d"}]',
    '51-["x",{"_placeholder":true,"num":0}]', "61-1[]", '4{"message":"x"}'])
def test_a_packet_before_connect_ends_the_session(dorg, transport, packet):
    e = transport(dorg.server)
    try:
        e.send("4" + packet, *([b"x"] if packet[0] in "56" else []))
        assert ending(e)[0] == []
    except Closed:
        pass
    e.close()
    assert dorg.device().pulled() == []


@pytest.mark.parametrize("packet", [
    '2/admin,["heartbeat",{}]', "1/admin,", '2/admin,1["x"]'])
def test_a_packet_to_a_namespace_not_joined(sock, packet):
    assert_ends_or_not(sock, "4" + packet)


# --- packets that are none ---------------------------------------------------

BAD = {
    "nothing": "", "text": "abc", "type 7": "7", "type 9": "9[]",
    "event without data": "2", "event with an object": '2{"a":1}',
    "event with a text": '2"x"', "event with a number in brackets cut": "2[1",
    "event with nothing in it": "2[]", "event with null": "2null",
    "JSON cut short": '2["a"', "JSON and more": '2["a"]x',
    "two arrays": '2["a"]["b"]', "bad JSON": "2['a']",
    "no UTF-16": '2["\\ud800"]x', "deep JSON": "2" + "[" * 100000,
    "a bad number": '2abc["heartbeat",{}]', "a negative one": '2-1["a"]',
    "a number with a point": '21.5["a"]', "ack with an object": '31{"a":1}',
    "no attachments at all": '5["a"]', "no number of them": '5-["a"]',
    "a negative number of them": '5-1-["a"]',
    "too many of them": '5999999999-["a",{"_placeholder":true,"num":0}]',
    "a number of them out of all ranges": "5" + "9" * 400 + '-["a"]',
    "binary event without data": "51-", "with an object": "51-{}"}
LEFT_OPEN = [
    "2[1]", "2[5,{}]", "2[null]", "2[{}]", '2[["a"]]', "2[true]", "0", "05",
    "4{}", '4{"message":"x"}', '50-["a"]', '2["newListener"]',
    '2["connect"]', '2["disconnect",{}]', '2["a"]\n', "3[]", "31",
    "2" + "9" * 400 + '["a"]', '61-[{"_placeholder":true,"num":0}]',
    '2["\\ud800"]']


@pytest.mark.parametrize("packet", BAD.values(), ids=BAD.keys())
def test_a_bad_packet_ends_the_session(sock, packet):
    assert_ends(sock, "4" + packet)


@pytest.mark.parametrize("packet", LEFT_OPEN, ids=lambda p: p[:30])
def test_what_the_protocol_leaves_open_ends_it_or_does_nothing(sock, packet):
    assert_ends_or_not(sock, "4" + packet)


@pytest.mark.parametrize("packet", ["0[]", '0"x"', '0{"a"', "0{}x",
                                    "0" + "[" * 100000],
                         ids=lambda p: p[:30])
def test_a_bad_connect_lets_nobody_in(open_server, packet):
    """The session ends, or CONNECT_ERROR says why not."""
    ws = WebSocket(open_server)
    try:
        ws.send("4" + packet)
        assert ws.receive().startswith("44")
    except Closed:
        pass
    ws.close()


def test_an_unasked_acknowledgement_is_ignored(sock):
    sock.engine.send("4312[]", '430["x",{"a":1}]')
    assert_alive(sock)
    sock.engine.send('461-7[{"_placeholder":true,"num":0}]', b"x")
    assert_alive(sock)


LAST = 10 ** 9


def mutated(rng, text):
    """A packet with a few characters changed, lost, doubled or put in."""
    chars = list(text)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(chars) + 1)
        chars[at:at + rng.randrange(3)] = rng.choices(
            '0123456789-,/[]{}":\\abu \u20ac\x1e', k=rng.randrange(3))
    return "".join(chars)


def test_packets_gone_bad_do_no_harm(dorg):
    """TB_SEED picks them. The server is up afterwards, whatever it did with
    them, and has no event that was not whole."""
    seed = int(os.environ.get("TB_SEED", "1"))
    print("replay with TB_SEED=%d" % seed)
    rng, a = random.Random(seed), dorg.device()
    good = ["4" + binary_event("x", hole(0)), '421["heartbeat",{}]', "3",
            '427["critical_event",{"event_type":"t","payload":[1,{"a":2}],'
            '"device_id":"%s"}]' % a.name, '4312["x"]', "41", "40{}",
            '42["acknowledge",{"event_id":1,"device_id":"%s"}]' % a.name,
            '42/,["subscribe",{"feed":"devices","after":"0"}]']
    for _ in range(150):
        s = join(dorg.server, a)
        packets = [mutated(rng, p) for p in rng.choices(good, k=3)]
        try:
            s.engine.send(*packets, *[b"x"] * rng.randrange(2),
                          '42%d["heartbeat",{}]' % LAST)
            while not s.engine.receive().startswith("43%d[" % LAST):
                pass
        except Closed:
            pass
        s.close()
    other = join(dorg.server, dorg.device())
    assert_alive(other)
    other.close()
    for e in dorg.device().pulled():
        assert e["critical"] is True and len(e["device_id"]) > 0


# --- attachments -------------------------------------------------------------

def binary_event(name, *args, attachments=1):
    return "45%d-%s" % (attachments, json.dumps([name, *args]))


def hole(number):
    return {"_placeholder": True, "num": number}


def test_a_binary_event_that_nobody_knows_is_ignored(sock):
    sock.engine.send(binary_event("unknown", hole(0), {"a": [hole(1)]},
                                  attachments=2), b"\0\1", b"")
    assert_alive(sock)


def test_attachments_may_come_in_posts_of_their_own(open_server, device):
    s = join(open_server, device, transport=Polling)
    s.engine.send(binary_event("unknown", hole(0), hole(1), attachments=2))
    s.engine.send(b"one")
    s.engine.send(b"two")
    assert_alive(s)
    s.close()


def test_a_binary_event_may_ask_for_an_acknowledgement(sock):
    sock.engine.send('451-5["heartbeat",{"device_id":"%s","x":'
                     '{"_placeholder":true,"num":0}}]' % sock.device, b"x")
    assert set(sock.answer(5)) in ({"server_time"}, {"error"})


def test_a_critical_event_with_bytes_is_refused_or_sent_with_them(dorg):
    """Bytes are no JSON, which a payload has to be."""
    a, b = dorg.devices(2)
    s, t = join(dorg.server, a), join(dorg.server, b)
    s.engine.send(binary_event("critical_event", {
        **a.event(), "payload": hole(0)}), b"\1\2\3")
    s.read()
    name, (data,) = s.next()
    if name == "critical_event":
        assert data["payload"] == b"\1\2\3"
        assert t.take("critical_event") == data
    else:
        assert (name, set(data)) == ("error", {"error"})
        assert b.pulled() == []
    assert_alive(s)
    s.close()
    t.close()


BAD_ATTACHMENTS = {
    "text instead": [binary_event("a", hole(0)), '42["b"]'],
    "text between": [binary_event("a", hole(0), hole(1), attachments=2),
                     b"x", '42["b"]'],
    "another binary event instead": [binary_event("a", hole(0)),
                                     binary_event("b", hole(0))],
    "a hole out of range": [binary_event("a", hole(1)), b"x"],
    "a negative hole": [binary_event("a", hole(-1)), b"x"],
    "a hole far away": [binary_event("a", hole(2 ** 40)), b"x"],
    "a hole that is a text": [binary_event("a", hole("0")), b"x"],
    "a hole without a number": [binary_event("a", {"_placeholder": True}),
                                b"x"],
    "bytes too many": [binary_event("a", hole(0)), b"x", b"y"],
    "bytes alone": [b"x"]}


@pytest.mark.parametrize("packets", BAD_ATTACHMENTS.values(),
                         ids=BAD_ATTACHMENTS.keys())
def test_bad_attachments_end_the_session(sock, packets):
    assert_ends(sock, *packets)


@pytest.mark.parametrize("packets", [
    [binary_event("a", "no hole"), b"x"],
    [binary_event("a", hole(0), hole(0)), b"x"],
    [binary_event("a", hole(0.5)), b"x"],
    [binary_event("a", hole(0), attachments=2), b"x", b"y"],
    ['42["a",{"_placeholder":true,"num":0}]'],
    ['42["a",{"_placeholder":true,"num":-1}]']],
    ids=["no hole", "twice the same", "half a hole", "fewer holes",
         "a hole in text", "a bad hole in text"])
def test_holes_that_do_not_fit_end_it_or_do_nothing(sock, packets):
    assert_ends_or_not(sock, *packets)


def test_a_hole_in_a_text_event_is_never_filled(dorg):
    """A payload may look like one; it is what was sent, or refused."""
    a, b = dorg.devices(2)
    s, t = join(dorg.server, a), join(dorg.server, b)
    try:
        s.emit("critical_event", a.event(payload=hole(0)))
        s.critical("behind")
    except Closed:
        pass
    got = [e["payload"] for e in b.pulled()]
    assert got in ([hole(0), "behind"], ["behind"], [])
    last = join(dorg.server, dorg.device())
    n = last.critical("last")
    while True:
        packet = t.engine.receive()
        assert not packet.startswith("45"), packet
        if packet.startswith('42["critical_event"') \
                and json.loads(packet[2:])[1]["event_id"] == n:
            break
    for x in (s, t, last):
        x.close()


def test_attachments_that_never_come_hold_nobody_up(open_server, device):
    """They wait for their own connection alone."""
    s = join(open_server, device)
    s.engine.send(binary_event("a", hole(0), hole(1), attachments=2), b"x")
    other = join(open_server, device)
    assert_alive(other)
    s.close()
    other.close()


def test_attachments_have_a_ceiling(open_server, device):
    """All of an event's together, or their number; not without end."""
    s = join(open_server, device)
    holes = [hole(n) for n in range(64)]
    try:
        s.engine.send(binary_event("a", *holes, attachments=64))
        for _ in range(64):
            s.engine.send(b"x" * 500000)
        assert_alive(s)
        raise AssertionError("32 MB were taken for one event")
    except Closed:
        pass
    except OSError:
        pass  # It was closed in the middle.
    s.close()


# --- events of no consequence ------------------------------------------------

def test_unknown_events_are_ignored(sock):
    sock.emit("unknown")
    sock.emit("unknown", 1, "2", {"three": [4]})
    sock.emit("")
    sock.emit("\u00e9" * 300, {})
    assert_alive(sock)
    assert sock.pending("error") == []


@pytest.mark.parametrize("name", [
    "critical_event", "acknowledge", "register_device", "heartbeat",
    "sync_update", "authenticate", "subscribe", "unsubscribe"])
@pytest.mark.parametrize("args", [
    [None], [1], ["text"], [[]], [True]], ids=json.dumps)
def test_an_argument_that_is_no_object_is_an_error(sock, name, args):
    assert sock.error_of(name, *args) == "Expected an object"


@pytest.mark.parametrize("name", [
    "critical_event", "acknowledge", "register_device", "sync_update",
    "authenticate", "subscribe", "unsubscribe"])
def test_an_event_without_an_argument_is_an_error(sock, name):
    assert sock.error_of(name)


@pytest.mark.parametrize("args", [
    [{"device_id": "d"}, 1], [{"device_id": "d"}, {}, {}]], ids=json.dumps)
def test_arguments_behind_the_first_do_no_harm(sock, args):
    args[0]["device_id"] = sock.device
    assert "server_time" in sock.call("heartbeat", *args)


# --- floods and half-open sessions -------------------------------------------

def test_a_message_too_large_ends_its_session_alone(open_server, device):
    s, other = join(open_server, device), join(open_server, device)
    with pytest.raises((Closed, OSError)):
        s.engine.send('42["unknown","%s"]'
                      % ("x" * s.engine.open["maxPayload"]))
        s.read()
    assert_alive(other)
    s.close()
    other.close()


def test_a_message_of_very_many_keys_is_taken(sock):
    sock.emit("heartbeat", {"%x" % n: 1 for n in range(90000)})
    assert "server_time" in sock.take("heartbeat_ack")


def test_who_sends_too_fast_is_read_no_faster(hasty):
    """Forty a second, in bursts of eighty: what is over takes its time. And
    another client does not notice."""
    org = DevicesOrg(hasty)
    a, b = org.devices(2)
    s, other = join(hasty, a), join(hasty, b)
    begin, count = time.monotonic(), 140
    ask = '42%d["heartbeat",{"device_id":"%s"}]'
    s.engine.send_raw(b"".join(frame(TEXT, (ask % (n, a.name)).encode())
                               for n in range(count)))
    assert_alive(other)
    for n in range(count):
        assert "server_time" in s.answer(n)
    assert time.monotonic() - begin > (count - 80) / 40 * 0.9
    s.close()
    other.close()


def test_who_joins_no_namespace_is_closed(hasty):
    silent = [t(hasty) for t in TRANSPORTS]
    refused = [t(hasty) for t in TRANSPORTS]
    for e in refused:
        e.send("40/admin,")
    for e in silent + refused:
        ending(e)
        e.close()


def test_half_open_sessions_are_bounded_and_go_away(hasty):
    """Over the ceiling it is 503, whoever is in goes on, and when the
    others have gone there is room again."""
    org = DevicesOrg(hasty)
    s = join(hasty, org.device())
    held, refusal = [], None
    for _ in range(200):
        r = http_request(hasty, "GET", query())
        if r.status != 200:
            refusal = r
            break
        held.append(json.loads(r.content[1:])["sid"])
    assert refusal is not None and refusal.status == 503
    assert set(json.loads(refusal.content)) == {"error"}
    assert len(held) <= 149
    with pytest.raises(Refused) as e:
        WebSocket(hasty)
    assert e.value.status == 503
    assert_alive(s)
    wait_for(lambda: http_request(hasty, "GET", query()).status == 200,
             "room for another")
    join(hasty, org.device()).close()
    assert_alive(s)
    s.close()


def test_two_thousand_half_open_sessions_hold_nobody_up(open_server, device):
    poller = Polling(open_server)
    for n in range(2000):
        r = http_request(open_server, "GET", query(), conn=poller.getter)
        assert r.status == 200
    s = join(open_server, device)
    assert_alive(s)
    s.close()
    poller.close()
