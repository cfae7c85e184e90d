"""Engine.IO 4 at /socket.io/: handshakes, polling, WebSocket, the upgrade, and
what ends a session."""

import json
import socket
import struct

import pytest

from devices import open_config
from devices_socket import (CLOSE, CONTINUATION, PING, PONG, TEXT, Closed,
                            Polling, Refused, Socket, WebSocket, ending, frame,
                            http_request, query)
from harness import at_the_same_time, wait_for

UNKNOWN_TRANSPORT = {"code": 0, "message": "Transport unknown"}
UNKNOWN_SESSION = {"code": 1, "message": "Session ID unknown"}
BAD_METHOD = {"code": 2, "message": "Bad handshake method"}
BAD_REQUEST = {"code": 3, "message": "Bad request"}
BAD_VERSION = {"code": 5, "message": "Unsupported protocol version"}
ASK = '421["heartbeat",{"device_id":"engine"}]'
TRANSPORTS = [Polling, WebSocket]

each_transport = pytest.mark.parametrize(
    "transport", TRANSPORTS, ids=["polling", "websocket"])


@pytest.fixture(scope="module")
def server(open_server):
    return open_server


@pytest.fixture(scope="module")
def restless(serve):
    """A server that asks every second whether its clients are there, and
    takes little at a time."""
    return serve(open_config(
        ping_interval_s=1, ping_timeout_s=1, message_max_bytes=8192,
        upgrade_timeout_s=1))


def numbered(number):
    """What is answered with this number."""
    return ASK.replace("1", str(number), 1)


def answers(engine, count):
    """The numbers of the next so many acknowledgements. Pings, which are
    answered, and what else a heartbeat is told may lie between."""
    got = []
    while len(got) < count:
        packet = engine.receive()
        if packet.startswith("43"):
            assert "server_time" in packet
            got.append(int(packet[2:packet.index("[")]))
        elif packet == "2":
            engine.send("3")
        else:
            assert packet == "6" or packet.startswith('42["heartbeat_ack"')
    return got


def joined(engine):
    """In the namespace, and greeted; itself."""
    engine.send('40{"device_id":"engine"}')
    assert engine.receive().startswith('40{"sid":"')
    assert engine.receive().startswith('42["connected"')
    return engine


def is_alive(engine):
    engine.send(numbered(77))
    return answers(engine, 1) == [77]


def code_of(response, status=400):
    assert response.status == status, (response.status, response.content)
    return json.loads(response.content)


def assert_gone(server, sid):
    """The session is not there any more."""
    for method, body in (("GET", None), ("POST", b"3")):
        r = http_request(server, method, query(sid=sid), body)
        assert code_of(r) == UNKNOWN_SESSION


# --- the handshake -----------------------------------------------------------

@each_transport
def test_the_handshake_says_what_the_protocol_wants(server, transport):
    e = transport(server)
    assert e.open["upgrades"] == (["websocket"] if transport is Polling
                                  else [])
    for name in ("pingInterval", "pingTimeout", "maxPayload"):
        assert type(e.open[name]) is int and e.open[name] > 0
    assert (e.open["pingInterval"], e.open["pingTimeout"]) == (25000, 20000)
    assert len(e.sid) >= 20
    e.close()


def test_session_ids_are_not_to_be_guessed(server):
    sids = set()
    for _ in range(20):
        p = Polling(server)
        sids.add(p.sid)
        p.close()
    assert len(sids) == 20
    for n in range(4):
        assert len({sid[n * 4:n * 4 + 4] for sid in sids}) >= 15


def test_further_parts_of_the_query_are_not_looked_at(server):
    for more in ({"t": "N8hyd6w"}, {"b64": "1"}, {"x": "%20"}):
        assert http_request(server, "GET", query(**more)).status == 200


def test_the_slash_at_the_end_may_be_missing(server):
    path = query().replace("/socket.io/?", "/socket.io?")
    assert http_request(server, "GET", path).status in (200, 404)


@pytest.mark.parametrize("parts,error", [
    ({"EIO": None}, BAD_VERSION), ({"EIO": "3"}, BAD_VERSION),
    ({"EIO": "abc"}, BAD_VERSION), ({"EIO": "5"}, BAD_VERSION),
    ({"EIO": ""}, BAD_VERSION), ({"EIO": "44"}, BAD_VERSION),
    ({"transport": None}, UNKNOWN_TRANSPORT),
    ({"transport": "abc"}, UNKNOWN_TRANSPORT),
    ({"transport": "Polling"}, UNKNOWN_TRANSPORT),
    ({"transport": "webtransport"}, UNKNOWN_TRANSPORT),
    ({"sid": "x"}, UNKNOWN_SESSION), ({"sid": "x" * 5000}, UNKNOWN_SESSION),
    ({"sid": "x%20y"}, UNKNOWN_SESSION),
    ({"transport": "websocket"}, BAD_REQUEST)])
def test_a_bad_handshake_is_400_with_its_code(server, parts, error):
    r = http_request(server, "GET", query(**parts))
    assert code_of(r) == error


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_handshake_by_another_method_is_400(server, method):
    """As the protocol's own tests want it."""
    r = http_request(server, method, query(), b"40")
    assert code_of(r) == BAD_METHOD


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_another_method_does_a_session_no_harm(server, method):
    p = joined(Polling(server))
    r = http_request(server, method, query(sid=p.sid), b"3")
    assert r.status in (400, 405)
    assert is_alive(p)
    p.close()


@pytest.mark.parametrize("parts", [
    {"EIO": None}, {"EIO": "3"}, {"transport": "abc"}, {"transport": None},
    {"sid": "x"}])
def test_a_bad_handshake_over_websocket_is_refused(server, parts):
    path = query(**{"transport": "websocket", **parts})
    with pytest.raises((Refused, Closed)):
        WebSocket(server, path=path)


@pytest.mark.parametrize("headers", [
    {"Sec-WebSocket-Key": None}, {"Sec-WebSocket-Key": "x"},
    {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="[:-2]},
    {"Sec-WebSocket-Version": None}, {"Sec-WebSocket-Version": "8"},
    {"Upgrade": None}, {"Upgrade": "h2c"}, {"Connection": "close"}],
    ids=json.dumps)
def test_what_is_no_websocket_handshake_is_refused(server, headers):
    with pytest.raises((Refused, Closed)) as e:
        WebSocket(server, headers=headers)
    if isinstance(e.value, Refused):
        assert e.value.status in (400, 426)


@pytest.mark.parametrize("headers", [
    {"Connection": "keep-alive, Upgrade"}, {"Upgrade": "WebSocket"},
    {"Connection": "upgrade"}, {"Sec-WebSocket-Protocol": "x"},
    {"Sec-WebSocket-Extensions": "permessage-deflate; "
                                 "client_max_window_bits"}],
    ids=json.dumps)
def test_a_websocket_handshake_in_every_spelling_is_taken(server, headers):
    """An offer of compression may be declined; what is not compressed has
    to be read in either case."""
    ws = joined(WebSocket(server, headers=headers))
    assert is_alive(ws)
    assert "sec-websocket-protocol" not in ws.head
    ws.close()


# --- polling -----------------------------------------------------------------

def test_a_payload_of_several_packets_is_answered_with_ok(server):
    p = joined(Polling(server))
    r = p.post("3\x1e" + ASK + "\x1e" + numbered(2))
    assert (r.status, r.content) == (200, b"ok")
    assert answers(p, 2) == [1, 2]
    p.close()


def test_a_poll_waits_until_there_is_something(server):
    p = joined(Polling(server))
    waiting = p.poll_later()
    p.send(ASK)
    r = waiting.getresponse()
    assert r.status == 200
    assert b"server_time" in r.read()
    waiting.close()
    p.close()


def test_a_duplicate_poll_ends_the_session(server):
    """Whichever is there first is told that it is closed."""
    p = joined(Polling(server))
    polls = [p.connection() for _ in range(2)]
    got = at_the_same_time(lambda n: p.get(polls[n]))
    assert [(r.status, r.content) for r in got
            if r.status == 200] == [(200, b"1")]
    other, = [r.status for r in got if r.status != 200]
    assert other in (400, 500)
    assert_gone(server, p.sid)
    p.close()


def test_close_ends_the_session(server):
    """And the poll that waits, if it was there in time."""
    def closed():
        p = joined(Polling(server))
        waiting = p.poll_later()
        r = p.post("1")
        assert (r.status, r.content) == (200, b"ok")
        r = waiting.getresponse()
        content = r.read()
        waiting.close()
        assert_gone(server, p.sid)
        p.close()
        if r.status == 400:
            return False
        assert (r.status, content) in ((200, b"6"), (200, b"1"))
        return True
    wait_for(closed, "a poll that was there before the close")


BAD_PAYLOADS = {
    "nothing": b"", "text": b"abc", "type 7": b"7", "type 9": b"9x",
    "a separator": b"\x1e", "one in front": b"\x1e3", "one behind": b"3\x1e",
    "two": b"3\x1e\x1e3",
    "ping": b"2", "probe": b"2probe", "no base64": b"b***",
    "base64 cut short": b"bAQI", "binary unasked for": b"bAQIDBA==",
    "no UTF-8": b"4\xff\xfe", "a zero": b"\0",
    "a number": b"42", "a bad one behind a good one": b"3\x1eabc"}


@pytest.mark.parametrize("body", BAD_PAYLOADS.values(),
                         ids=BAD_PAYLOADS.keys())
def test_a_bad_payload_ends_the_session(server, body):
    p = joined(Polling(server))
    r = p.post(body)
    assert r.status in (200, 400)
    if r.status == 200:
        assert r.content == b"ok"
    ending(p)
    assert_gone(server, p.sid)
    p.close()


def test_a_client_may_send_noop_and_pong_at_any_time(server):
    p = joined(Polling(server))
    p.send("3", "6", "3", "3probe")
    assert is_alive(p)
    p.close()


def test_a_payload_over_the_maximum_is_413(restless):
    p = joined(Polling(restless))
    assert p.open["maxPayload"] == 8192
    r = p.post("6\x1e" + "4" * 8191)
    assert r.status == 413
    assert_gone(restless, p.sid)
    p.close()


def test_a_payload_of_the_maximum_is_taken(restless):
    p = joined(Polling(restless))
    text = '42["unknown","%s"]' % ("x" * (8192 - 16))
    p.send(text[:0] + text)
    assert len(text) == 8192
    assert is_alive(p)
    p.close()


def test_a_post_may_be_of_any_content_type(server):
    for kind in ("text/plain;charset=UTF-8", "application/octet-stream",
                 "application/xml", "text/plain"):
        p = joined(Polling(server))
        assert p.post(ASK, Content_Type=kind).status == 200
        p.close()


def test_two_posts_at_once_do_not_mix(server):
    """A second one while the first is under way is refused, or they go one
    after the other; the server lives on either way."""
    p = joined(Polling(server))
    s = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    head = ("POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain"
            "\r\nContent-Length: %d\r\n\r\n" % (query(sid=p.sid), len(ASK)))
    s.sendall(head.encode() + ASK[:5].encode())
    r = p.post("3")
    assert r.status in (200, 400)
    s.sendall(ASK[5:].encode())
    assert s.recv(65536).split()[1] in (b"200", b"400")
    s.close()
    p.close()


# --- WebSocket ---------------------------------------------------------------

@pytest.fixture
def ws(server):
    w = joined(WebSocket(server))
    yield w
    w.close()


def test_a_message_may_come_in_fragments_with_a_ping_between(ws):
    ws.send_raw(frame(TEXT, ASK[:3].encode(), fin=False))
    ws.send_raw(frame(PING, b"ping"))
    ws.send_raw(frame(CONTINUATION, ASK[3:9].encode(), fin=False))
    ws.send_raw(frame(CONTINUATION, b"", fin=False))
    ws.send_raw(frame(CONTINUATION, ASK[9:].encode()))
    fin, opcode, data = ws.frame()
    assert (fin, opcode, data) == (True, PONG, b"ping")
    assert answers(ws, 1) == [1]


def test_a_fragment_may_end_within_a_character(server):
    ws = joined(WebSocket(server))
    data = '421["heartbeat",{"device_id":"engine","x":"\u20ac"}]'.encode()
    at = data.index(b"\xe2") + 1
    ws.send_raw(frame(TEXT, data[:at], fin=False))
    ws.send_raw(frame(CONTINUATION, data[at:]))
    assert answers(ws, 1) == [1]
    ws.close()


def test_bytes_may_come_one_by_one(ws):
    for byte in frame(TEXT, ASK.encode()):
        ws.send_raw(bytes([byte]))
    assert answers(ws, 1) == [1]


def test_many_frames_may_come_in_one_piece(ws):
    ws.send_raw(b"".join(
        frame(TEXT, numbered(n).encode()) for n in range(10, 60)))
    assert answers(ws, 50) == list(range(10, 60))


@pytest.mark.parametrize("size", [0, 1, 125])
def test_a_ping_is_answered_with_its_data(ws, size):
    ws.send_raw(frame(PING, b"x" * size))
    assert ws.frame() == (True, PONG, b"x" * size)
    ws.send_raw(frame(PONG, b"unasked"))
    assert is_alive(ws)


@pytest.mark.parametrize("data,code", [
    (b"", None), (struct.pack(">H", 1000), 1000),
    (struct.pack(">H", 1001) + b"going away", 1001),
    (struct.pack(">H", 4000), 4000)], ids=repr)
def test_close_is_answered_with_close(ws, data, code):
    ws.send_raw(frame(CLOSE, data))
    with pytest.raises(Closed) as e:
        ws.receive()
    assert e.value.code in (code or 1005, 1000)


def test_an_engine_close_packet_ends_it(server):
    ws = joined(WebSocket(server))
    ws.send("1")
    with pytest.raises(Closed):
        ws.receive()
    with pytest.raises((Refused, Closed)):
        WebSocket(server, sid=ws.sid)
    ws.close()


PROTOCOL_ERROR, BAD_DATA, TOO_BIG = 1002, 1007, 1009
BAD_FRAMES = {
    "unmasked": (frame(TEXT, b"3", mask=False), PROTOCOL_ERROR),
    "bit 1": (frame(TEXT, b"3", rsv=4), PROTOCOL_ERROR),
    "bit 2": (frame(TEXT, b"3", rsv=2), PROTOCOL_ERROR),
    "bit 3": (frame(TEXT, b"3", rsv=1), PROTOCOL_ERROR),
    "opcode 3": (frame(3, b"3"), PROTOCOL_ERROR),
    "opcode 7": (frame(7, b"3"), PROTOCOL_ERROR),
    "opcode 11": (frame(11, b"3"), PROTOCOL_ERROR),
    "opcode 15": (frame(15, b"3"), PROTOCOL_ERROR),
    "a ping in fragments": (frame(PING, b"", fin=False), PROTOCOL_ERROR),
    "a close in fragments": (frame(CLOSE, b"", fin=False), PROTOCOL_ERROR),
    "a long ping": (frame(PING, b"x" * 126), PROTOCOL_ERROR),
    "a continuation of nothing": (frame(CONTINUATION, b"3"), PROTOCOL_ERROR),
    "a text within a text": (frame(TEXT, b"3", fin=False)
                             + frame(TEXT, b"3"), PROTOCOL_ERROR),
    "a close of one byte": (frame(CLOSE, b"\x03"), PROTOCOL_ERROR),
    "a close with a bad code": (frame(CLOSE, b"\x03\xee"), PROTOCOL_ERROR),
    "no UTF-8": (frame(TEXT, b"4\xff"), BAD_DATA),
    "half a character": (frame(TEXT, b"4\xe2\x82"), BAD_DATA),
    "a surrogate": (frame(TEXT, b"4\xed\xa0\x80"), BAD_DATA),
    "an overlong zero": (frame(TEXT, b"4\xc0\x80"), BAD_DATA),
    "no UTF-8 in fragments": (frame(TEXT, b"4\xe2", fin=False)
                              + frame(CONTINUATION, b"x"), BAD_DATA),
    "a huge length": (frame(TEXT, b"4" * (1 << 21), length=1 << 40), TOO_BIG),
    "a negative length": (frame(TEXT, b"", length=(1 << 63) + 5), None),
    "too large": (frame(TEXT, b"4" * (1 << 20) + b"x"), TOO_BIG)}


@pytest.mark.parametrize("data,code", BAD_FRAMES.values(),
                         ids=BAD_FRAMES.keys())
def test_a_bad_frame_closes_with_its_code(ws, data, code):
    try:
        ws.send_raw(data)
    except OSError:
        pass  # It was closed before all of it was sent.
    got, how = ending(ws)
    assert got == []
    # A reset may overtake the code where more was sent than was read.
    assert code is None or how in (code, None), how
    if len(data) < 1000 and code is not None:
        assert how == code


def test_fragments_that_are_too_large_together_close(restless):
    ws = joined(WebSocket(restless))
    ws.send_raw(frame(TEXT, b"4" + b"x" * 4000, fin=False)
                + frame(CONTINUATION, b"x" * 4000, fin=False)
                + frame(CONTINUATION, b"x" * 4000, fin=False))
    assert ending(ws)[1] == TOO_BIG
    ws.close()


BAD_PACKETS = {
    "nothing": "", "text": "abc", "type 7": "7", "ping": "2",
    "probe": "2probe", "binary unasked for": b"\1\2", "no binary": b""}


@pytest.mark.parametrize("packet", BAD_PACKETS.values(),
                         ids=BAD_PACKETS.keys())
def test_a_bad_packet_closes(server, packet):
    ws = joined(WebSocket(server))
    ws.send(packet)
    with pytest.raises(Closed):
        ws.receive()
    ws.close()


def test_a_frame_is_one_packet(ws):
    """What stands behind a pong's type is its data, separators and all."""
    ws.send("3\x1e3x")
    assert is_alive(ws)


@each_transport
@pytest.mark.parametrize("packet", ["0", "0{}", "5"])
def test_what_a_server_alone_sends_is_ignored_or_closes(server, transport,
                                                        packet):
    e = joined(transport(server))
    try:
        e.send(packet)
        assert is_alive(e)
    except Closed:
        assert_gone(server, e.sid)
    e.close()


# --- the upgrade -------------------------------------------------------------

def test_the_upgrade_carries_the_session_over(server):
    p = joined(Polling(server))
    ws = p.upgrade()
    assert is_alive(ws)
    ws.close()
    p.close()


def test_after_the_upgrade_polling_is_refused_and_harmless(server):
    p = joined(Polling(server))
    ws = p.upgrade()
    assert is_alive(ws)
    for method, body in (("GET", None), ("POST", b"3")):
        r = http_request(server, method, query(sid=p.sid), body)
        assert code_of(r) == BAD_REQUEST
    with pytest.raises((Refused, Closed)):
        again = WebSocket(server, sid=p.sid)
        again.send("2probe")
        again.receive()
    assert is_alive(ws)
    ws.close()
    p.close()


def test_a_session_of_websocket_is_not_polled(server, ws):
    for method, body in (("GET", None), ("POST", b"3")):
        r = http_request(server, method, query(sid=ws.sid), body)
        assert code_of(r) == BAD_REQUEST
    assert is_alive(ws)


def test_what_waits_at_the_upgrade_comes_behind_it(server):
    p = joined(Polling(server))
    p.send(ASK, numbered(2))
    ws = p.upgrade()
    ws.send(numbered(3))
    assert answers(ws, 3) == [1, 2, 3]
    ws.close()
    p.close()


def test_before_the_upgrade_packet_polling_goes_on(server):
    p = joined(Polling(server))
    ws = WebSocket(server, sid=p.sid)
    ws.send("2probe")
    assert ws.receive() == "3probe"
    assert is_alive(p)
    ws.close()
    p.close()


def test_a_probe_that_goes_away_does_the_session_no_harm(server):
    p = joined(Polling(server))
    WebSocket(server, sid=p.sid).close()

    def probe():
        """Refused for as long as the first is not known to be gone."""
        try:
            ws = WebSocket(server, sid=p.sid)
            ws.send("2probe")
            return ws.receive() == "3probe" and ws
        except (Refused, Closed):
            return None
    wait_for(probe, "a second probe to be let in").close()
    assert is_alive(p)
    p.close()


@pytest.mark.parametrize("packet", ["2", "2prob", "2probe2", "40",
                                    "4hello", "abc", "", "1", b"\1"])
def test_a_bad_probe_closes_the_websocket_alone(server, packet):
    p = joined(Polling(server))
    ws = WebSocket(server, sid=p.sid)
    ws.send(packet)
    with pytest.raises(Closed):
        ws.receive()
    ws.close()
    assert is_alive(p)
    p.close()


@pytest.mark.parametrize("packet", ["2probe", "4hello", "abc"])
def test_a_second_probe_is_closed(server, packet):
    p = joined(Polling(server))
    first = WebSocket(server, sid=p.sid)
    first.send("2probe")
    assert first.receive() == "3probe"
    second = None
    try:
        second = WebSocket(server, sid=p.sid)
        second.send(packet)
        second.receive()
        raise AssertionError("a second WebSocket was let in")
    except (Refused, Closed):
        pass
    first.send("5")
    assert is_alive(first)
    first.close()
    p.close()


def test_an_upgrade_that_is_not_completed_is_given_up(restless):
    p = joined(Polling(restless))
    ws = WebSocket(restless, sid=p.sid)
    ws.send("2probe")
    assert ws.receive() == "3probe"
    with pytest.raises(Closed):
        ws.receive()
    assert is_alive(p)
    ws.close()
    p.close()


# --- heartbeats --------------------------------------------------------------

def test_who_answers_pings_stays_and_who_does_not_goes(restless):
    """Over both transports, at once, because it takes seconds."""
    stay = [joined(t(restless)) for t in TRANSPORTS]
    go = [joined(t(restless)) for t in TRANSPORTS]
    for e in stay:
        assert (e.open["pingInterval"], e.open["pingTimeout"]) \
            == (1000, 1000)
    for _ in range(2):
        for e in stay:
            assert e.receive() == "2"
        for e in stay:
            e.send("3")
    for e in go:
        # 6: a poll is sent away when its session is at its end.
        assert set(ending(e)[0]) <= {"2", "6"}
    for e in stay:
        assert is_alive(e)
    assert_gone(restless, go[0].sid)
    for e in stay + go:
        e.close()


def test_who_sends_and_does_not_read_is_found_gone(serve):
    """Its event waits until it reads, and meanwhile nobody waits for its
    pong; but not for ever."""
    server = serve(open_config(ping_interval_s=1, ping_timeout_s=1,
                               outbox_bytes=65536))
    p = Polling(server)
    p.send("40{}")
    s = Socket(WebSocket(server)).join({"device_id": "sender"})
    for _ in range(8):
        s.critical("x" * 10000)
    # Until it has all of them it is answered.
    s.takes("critical_event", 8)
    answer = p.post(numbered(0))
    for n in range(1, 200):
        if answer.status != 200:
            break
        answer = p.post(numbered(n))
    assert (answer.status, json.loads(answer.content)) \
        == (400, UNKNOWN_SESSION)
    assert_gone(server, p.sid)
    s.close()
    p.close()


def test_who_was_let_go_is_no_more(restless):
    p = Polling(restless)
    wait_for(lambda: http_request(
        restless, "POST", query(sid=p.sid), b"6").status == 400,
        "the session to end that answered no ping")
    assert_gone(restless, p.sid)
    p.close()
