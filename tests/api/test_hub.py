"""The realtime layer alone, by both transports, with clients that do as the
protocols say and with such that do not.

The program under test is tests/interop/server_main.c, named by the environment
variable TB_REALTIME_TEST_SERVER.
"""

import json
import signal
import threading
import time

import pytest

from realtime import (BINARY, CLOSE, CONTINUATION, HEADERS, KEY, PING, PONG,
                      PROGRAM, SEPARATOR, TEXT, Closed, Engine, Polling,
                      PollingClient, Server, SocketClient, WebSocket,
                      accept_of, frame, get, joined, query, request, upgrade,
                      wait_for)

pytestmark = pytest.mark.skipif(
    not PROGRAM, reason="TB_REALTIME_TEST_SERVER is not set")
CALM = {"ping_interval_ms": 25000, "ping_timeout_ms": 20000,
        "connect_timeout_ms": 20000, "close_timeout_ms": 300}
P0 = '{"_placeholder":true,"num":0}'
P1 = '{"_placeholder":true,"num":1}'


@pytest.fixture(scope="session", autouse=True)
def program():
    """These tests need no tombolo."""


@pytest.fixture(scope="module")
def server():
    s = Server(**CALM)
    yield s
    s.stop()


@pytest.fixture
def make_server():
    made = []

    def make(**options):
        made.append(Server(**{**CALM, **options}))
        return made[-1]
    yield make
    for s in made:
        s.stop()


@pytest.fixture(params=[SocketClient, PollingClient],
                ids=["websocket", "polling"])
def client(server, request):
    return joined(server, request.param)


# --- requests ----------------------------------------------------------------

def test_a_handshake_says_what_clients_need(server):
    with Engine(server) as c:
        assert c.handshake == {
            "sid": c.sid, "upgrades": [], "pingInterval": 25000,
            "pingTimeout": 20000, "maxPayload": 1000000}
        assert c.header("Sec-WebSocket-Accept") == accept_of(KEY)
        assert c.header("Sec-WebSocket-Extensions") is None
        assert c.header("Upgrade").lower() == "websocket"
    p = Polling(server)
    assert json.loads(p.opened.body[1:])["upgrades"] == ["websocket"]
    assert p.opened.headers["Content-Type"] == "text/plain; charset=UTF-8"
    assert p.sid != c.sid and len(p.sid) == 20


@pytest.mark.parametrize("method, path, code", [
    ("GET", "/socket.io/?EIO=4", 0),
    ("GET", "/socket.io/?EIO=4&transport=pigeon", 0),
    ("GET", "/socket.io/?EIO=4&transport=polling&sid=none", 1),
    ("POST", "/socket.io/?EIO=4&transport=polling&sid=none", 1),
    ("POST", "/socket.io/?EIO=4&transport=polling", 2),
    ("PUT", "/socket.io/?EIO=4&transport=polling", 2),
    ("GET", "/socket.io/?EIO=4&transport=websocket", 3),
    ("GET", "/socket.io/?EIO=4&transport=%ff", 3),
    ("GET", "/socket.io/?EIO=3&transport=polling", 5),
    ("GET", "/socket.io/?transport=polling", 5),
])
def test_requests_that_are_refused(server, method, path, code):
    a = request(server, method, path)
    assert a.status == 400 and a.json()["code"] == code
    assert a.json()["message"]


@pytest.mark.parametrize("changed, status", [
    ({"Sec-WebSocket-Key": None}, 400),
    ({"Sec-WebSocket-Key": "short"}, 400),
    ({"Sec-WebSocket-Key": "x" * 24}, 400),
    ({"Sec-WebSocket-Key": KEY[:-3] + "E=="}, 400),
    ({"Sec-WebSocket-Version": "8"}, 426),
    ({"Sec-WebSocket-Version": None}, 426),
    ({"Upgrade": "h2c"}, 400),
    ({"Upgrade": None}, 400),
    ({"Connection": "keep-alive"}, 400),
    ({"Connection": "keep-alive, upgrade", "Upgrade": "WebSocket"}, 101),
    ({"Sec-WebSocket-Extensions": "permessage-deflate"}, 101),
])
def test_a_websocket_is_asked_for_rightly(server, changed, status):
    headers = {k: v for k, v in {**HEADERS, **changed}.items()
               if v is not None}
    with WebSocket(server, headers=headers) as s:
        assert s.status == status
        if status == 426:
            assert s.header("Sec-WebSocket-Version") == "13"
        assert s.header("Sec-WebSocket-Extensions") is None


def test_what_is_not_a_session_s_is_refused(server):
    with WebSocket(server, query("none", "websocket")) as s:
        assert s.status == 400
    with Engine(server) as c:
        assert get(server, query(c.sid)).json()["code"] == 3
        with WebSocket(server, query(c.sid, "websocket")) as second:
            assert second.status == 101
            assert second.code() == 1008
        c.send("40")
        assert c.packet().startswith("40{")


def test_frames_that_come_with_the_request_are_read(server):
    early = frame(TEXT, "40") + frame(TEXT, '42["message",1]')
    with Engine(server, early=early) as c:
        assert c.packet().startswith("40{")
        assert c.packet() == '42["auth",{}]'
        assert c.packet() == '42["message-back",1]'


# --- frames ------------------------------------------------------------------

MALFORMED = [
    (frame(TEXT, "40", mask=None), 1002),
    (frame(TEXT, "40", rsv=4), 1002),
    (frame(TEXT, "40", rsv=1), 1002),
    (frame(3, "40"), 1002),
    (frame(15, "40"), 1002),
    (frame(CONTINUATION, "40"), 1002),
    (frame(TEXT, "4", fin=False) + frame(TEXT, "0"), 1002),
    (frame(PING, "", fin=False), 1002),
    (frame(PING, "x" * 126), 1002),
    (frame(TEXT, "40", length=(126, b"\0\2")), 1002),
    (frame(TEXT, "40", length=(127, b"\0" * 7 + b"\2")), 1002),
    (frame(TEXT, "40", length=(127, b"\x80" + b"\0" * 7)), 1002),
    (frame(CLOSE, b"\3"), 1002),
    (frame(CLOSE, b"\3\xed"), 1002),
    (frame(CLOSE, b"\0\0"), 1002),
    (frame(CLOSE, b"\3\xe8\xff"), 1007),
    (frame(TEXT, b"4\xff"), 1007),
    (frame(TEXT, b"4\xed\xa0\x80"), 1007),
    (frame(TEXT, b"4\xe2\x82"), 1007),
    (frame(TEXT, b"4\xe2", fin=False) + frame(CONTINUATION, b"x"), 1007),
    (frame(TEXT, "4" + "x" * 1000000), 1009),
    (frame(BINARY, "x" * 999999, fin=False) + frame(CONTINUATION, "xx"),
     1009),
    (frame(TEXT, "", length=(127, b"\x7f" + b"\xff" * 7)) + b"x", 1009),
]


@pytest.mark.parametrize("data, code", MALFORMED,
                         ids=range(len(MALFORMED)))
def test_a_malformed_frame_closes(server, data, code):
    before = server.gone("transport error")
    with Engine(server) as c:
        c.send_bytes(data)
        assert c.code() == code
        assert c.is_ended()
    wait_for(lambda: server.gone("transport error") > before, "its end")


def test_frames_come_in_any_pieces(server):
    long = "x" * 70000
    with joined(server) as c:
        for size in (1, 2, 3, 7):
            data = (frame(TEXT, '42["mess', fin=False) + frame(PING, b"p")
                    + frame(CONTINUATION, b'age","\xe2', fin=False)
                    + frame(PONG, b"") + frame(CONTINUATION, b"", fin=False)
                    + frame(CONTINUATION, b'\x82\xac"]'))
            for i in range(0, len(data), size):
                c.send_bytes(data[i:i + size])
            back = (TEXT, '42["message-back","\u20ac"]'.encode())
            assert {c.frame(), c.frame()} == {(PONG, b"p"), back}
        c.emit("message", long)
        c.emit("message", "short")
        assert c.event() == ["message-back", long]
        assert c.event() == ["message-back", "short"]


def test_a_ping_is_answered_with_what_it_says(server):
    with Engine(server) as c:
        for payload in (b"", b"x", b"y" * 125):
            c.send_bytes(frame(PING, payload))
            assert c.frame() == (PONG, payload)


@pytest.mark.parametrize("payload, answer", [
    (b"", None), (b"\3\xe8", 1000), (b"\x0b\xb8reason \xe2\x82\xac", 3000)])
def test_a_close_frame_is_answered(server, payload, answer):
    before = server.gone("transport close")
    with joined(server) as c:
        c.send_bytes(frame(CLOSE, payload) + frame(TEXT, '42["message",1]'))
        assert c.code() == answer
        assert c.is_ended()
    wait_for(lambda: server.gone("transport close") > before, "its end")


def test_whoever_hangs_up_is_gone(make_server):
    server = make_server()
    halves = [joined(server) for _ in range(4)]
    halves[0].close()
    halves[1].reset()
    halves[2].send_bytes(frame(TEXT, "x" * 1000)[:500])
    halves[2].reset()
    halves[3].send_bytes(frame(TEXT, "x" * 1000)[:3])
    halves[3].close()
    wait_for(lambda: server.gone("transport close") == 4, "the ends")


# --- packets -----------------------------------------------------------------

NO_PACKETS = ["", "abc", "0", "0{}", "2", "2probe", "5", "6x", "1x", "7", "9"]


@pytest.mark.parametrize("packet", NO_PACKETS)
def test_what_is_no_packet_ends_the_session(server, packet):
    before = server.gone("parse error")
    with Engine(server) as c:
        c.send(packet)
        assert c.code() == 1000
    # Told after the socket is closed, perhaps in the time of another test.
    wait_for(lambda: server.gone("parse error") == before + 1, "its end")
    p = Polling(server)
    if packet:
        assert p.post(packet).json()["code"] == 3
        assert p.poll().json()["code"] == 1
        wait_for(lambda: server.gone("parse error") == before + 2, "the ends")


NO_MESSAGES = [
    "abc", "7", "2", "2{}", "2[]", "2[1]", '2["a"', '2["a"]x',
    '2["connect"]', '2["disconnect"]', '2-1["a"]', '201["a"]', "3[]", "3x[]",
    "4{}", '5["a"]', '51-["a"]', "51-[\"a\",%s,%s]" % (P0, P0),
    "50-[\"a\",%s]" % P0, '5999-["a"]', "1x", "0[]", "0", "0/\x01,",
    "2/elsewhere,[\"a\"]", '2["a",' + "[" * 100 + "]" * 100 + "]"]


@pytest.mark.parametrize("kind", [SocketClient, PollingClient],
                         ids=["websocket", "polling"])
@pytest.mark.parametrize("message", NO_MESSAGES)
def test_what_is_no_message_ends_the_session(server, kind, message):
    before = server.gone("parse error")
    c = joined(server, kind)
    c.say(message)
    wait_for(lambda: server.gone("parse error") > before, "its end")
    assert get(server, query(c.sid)).json()["code"] == 1


def test_posted_text_is_utf8(server):
    before = server.gone("parse error")
    p = joined(server, PollingClient)
    p.post(b'42["\xff"]')
    wait_for(lambda: server.gone("parse error") > before, "its end")


@pytest.mark.parametrize("messages", [
    (b"unannounced",),
    ('51-["message",%s]' % P0, '2["message"]'),
    ('52-["message",%s,%s]' % (P0, P1), b"one", '2["message"]')])
def test_attachments_that_are_not_right(server, messages):
    before = server.gone("parse error")
    c = joined(server)
    c.say(*messages)
    assert c.code() == 1000
    wait_for(lambda: server.gone("parse error") > before, "its end")


# --- events ------------------------------------------------------------------

def test_events_go_both_ways(client):
    client.emit("message", 1, "2", {"3": [None, True]})
    assert client.event() == ["message-back", 1, "2", {"3": [None, True]}]
    client.emit("message")
    assert client.event() == ["message-back"]
    client.say('2[ "message" , 1.50 , "\\u00e9" ]')
    assert client.message() == '2["message-back",1.50,"\\u00e9"]'
    client.say('24["message-with-ack",[]]')
    assert client.message() == "34[[]]"
    client.say('20["message-with-ack"]')
    assert client.message() == "30[]"
    assert client.call("address") == ["127.0.0.1"]


def test_attachments_go_both_ways(client):
    client.say('52-["message",%s,%s]' % (P0, P1), b"\1\2\3", b"")
    assert client.message() == '52-["message-back",%s,%s]' % (P0, P1)
    assert [client.message(), client.message()] == [b"\1\2\3", b""]
    big = bytes(range(256)) * 300
    client.say('51-9["message-with-ack",{"a":%s}]' % P0, big)
    assert client.message() == '61-9[{"a":%s}]' % P0
    assert client.message() == big


@pytest.mark.parametrize("kind", [SocketClient, PollingClient],
                         ids=["websocket", "polling"])
def test_namespaces(make_server, kind):
    # Of its own: elsewhere those of other tests leave, too.
    server = make_server()
    client = joined(server, kind)
    assert client.join("/custom", '{"a":1}').startswith('0/custom,{"sid":"')
    client.emit("message", 1, nsp="/custom")
    assert client.message() == '2/custom,["message-back",1]'
    assert client.join("/other") == (
        '4/other,{"message":"Invalid namespace"}')
    client.emit("leave-me", nsp="/custom")
    assert client.message() == "1/custom,"
    client.say("1")
    assert client.join().startswith('0{"sid":"')
    client.emit("message", 2)
    assert client.event() == ["message-back", 2]
    assert server.stats()["left"] == 2


def test_what_is_asked_is_done_in_order(server, client):
    client.emit("steps")
    assert [client.event() for _ in range(6)] == [
        ["step", n] for n in (1, 2, 3, 4, 5, 6)]


def test_a_client_is_closed_behind_its_last_event(server):
    before = server.gone("forced close")
    with joined(server) as c:
        c.emit("close-me")
        assert c.event() == ["step", "last"]
        assert c.code() == 1000 and c.is_ended()
    p = joined(server, PollingClient)
    p.emit("close-me")
    assert p.poll().packets() == ['42["step","last"]']
    assert p.poll().json()["code"] == 1
    wait_for(lambda: server.gone("forced close") == before + 2, "the ends")


def test_a_broadcast_reaches_all_who_want_it(make_server):
    server = make_server()
    clients = [joined(server) for _ in range(5)]
    clients += [joined(server, PollingClient) for _ in range(5)]
    elsewhere = SocketClient(server)
    elsewhere.join("/custom")
    server.broadcast(50, 10)
    for c in clients:
        assert [c.event()[1] for _ in range(50)] == list(range(50))
    assert clients[0].call("mark") == [True]
    assert clients[5].call("mark") == [True]
    server.broadcast(1, 1, tag=1)
    # There is an order only of what one thread broadcasts, and the next one is
    # made by a loop.
    wait_for(lambda: server.stats()["dropped"] == 51, "the drop")
    clients[1].emit("broadcast", "last")
    for i, c in enumerate(clients):
        if i % 5 == 0:
            assert c.event() == ["news", 0, "x"]
        assert c.event() == ["news", "last"]
    elsewhere.emit("message", 1, nsp="/custom")
    assert elsewhere.message() == '2/custom,["message-back",1]'
    wait_for(lambda: server.stats()["dropped"] == 52, "the drops")


# --- polling -----------------------------------------------------------------

def test_a_second_poll_ends_the_session(server):
    before = server.gone("transport error")
    p = Polling(server)
    first = []
    t = threading.Thread(target=lambda: first.append(p.poll()))
    t.start()
    second = None
    # Whichever comes first waits; it is a matter of time which one that is.
    while second is None or second.status == 200:
        second = p.poll()
    t.join()
    assert second.json()["code"] in (1, 3)
    wait_for(lambda: server.gone("transport error") > before, "its end")
    assert p.poll().json()["code"] == 1


def test_a_second_post_ends_the_session(server):
    p = joined(server, PollingClient)
    first = []
    t = threading.Thread(target=lambda: first.append(
        p.post('42["hold",60000]' + SEPARATOR + '42["message",1]')))
    events = server.stats()["events"]
    t.start()
    wait_for(lambda: server.stats()["events"] > events, "the first post")
    assert p.post('42["message",2]').json()["code"] == 3
    t.join()
    assert first[0].status == 400
    assert p.poll().json()["code"] == 1


@pytest.mark.parametrize("size, status", [(1000000, 200), (1000001, 413),
                                          (1 << 20, 413)])
def test_a_post_has_a_bound(server, size, status):
    p = joined(server, PollingClient)
    head = '42["message","'
    a = p.post(head + "x" * (size - len(head) - 2) + '"]')
    assert a.status == status
    if status == 200:
        assert len(p.event()[1]) == size - len(head) - 2
    else:
        assert p.poll().json()["code"] == 1


def test_a_posted_close_is_a_close(server):
    before = server.gone("transport close")
    p = joined(server, PollingClient)
    p.send('42["message",1]', "1", '42["message",2]')
    # One poll that was sent with it is let in, and told nothing.
    assert p.post('42["message",3]').json()["code"] == 1
    assert p.poll().packets() == ["6"]
    assert p.poll().json()["code"] == 1
    wait_for(lambda: server.gone("transport close") > before, "its end")


# --- upgrades ----------------------------------------------------------------

def test_an_upgrade_by_the_book(server):
    p = joined(server, PollingClient)
    p.emit("message", "before")
    c = upgrade(server, p)
    assert p.waiting == ['42["message-back","before"]']
    c.emit("message", "after")
    assert c.event() == ["message-back", "after"]
    assert p.post('42["message",1]').json()["code"] == 3
    assert p.poll().json()["code"] == 3


def test_nothing_is_lost_while_upgrading(make_server):
    server = make_server(outbox_max_messages=100000)
    p = joined(server, PollingClient)
    news = threading.Thread(target=lambda: [
        server.broadcast(100, 5) for _ in range(60)])
    news.start()
    got = [p.event()[1]]
    c = upgrade(server, p)
    while p.waiting:
        got.append(p.event()[1])
    got += [c.event()[1] for _ in range(6000 - len(got))]
    news.join()
    assert got == list(range(100)) * 60


@pytest.mark.parametrize("frames", [
    [frame(TEXT, "5")], [frame(TEXT, "2")], [frame(TEXT, "4hello")],
    [frame(TEXT, "abc")], [frame(BINARY, "2probe")],
    [frame(TEXT, "2probe"), frame(TEXT, "4hello")],
    [frame(TEXT, "2probe", mask=None)], [frame(CLOSE, b"\3\xe8")]])
def test_a_probe_that_fails_leaves_the_session(server, frames):
    p = joined(server, PollingClient)
    s = WebSocket(server, query(p.sid, "websocket"))
    for f in frames:
        s.send_bytes(f)
    s.code()
    p.emit("message", 1)
    assert p.event() == ["message-back", 1]
    c = upgrade(server, p)
    c.emit("message", 2)
    assert c.event() == ["message-back", 2]


def test_a_probe_has_its_time(make_server):
    server = make_server(upgrade_timeout_ms=1000)
    p = joined(server, PollingClient)
    s = WebSocket(server, query(p.sid, "websocket"))
    s.send("2probe")
    assert s.payload() == "3probe"
    assert s.code() == 1000
    c = upgrade(server, p)
    c.emit("message", 2)
    assert c.event() == ["message-back", 2]


# --- heartbeats and holds ----------------------------------------------------

def test_heartbeats(make_server):
    server = make_server(ping_interval_ms=100, ping_timeout_ms=1500)
    c, p = joined(server), joined(server, PollingClient)
    silent = joined(server)
    assert p.poll().packets() == ["2"]
    while server.gone("ping timeout") < 2:
        assert c.payload() == "2"
        c.send("3")
    assert silent.code() == 1000
    assert p.poll().json()["code"] == 1
    c.close()
    wait_for(lambda: server.gone("transport close") == 1, "the last end")


@pytest.mark.parametrize("kind", [SocketClient, PollingClient],
                         ids=["websocket", "polling"])
def test_what_is_behind_a_held_event_waits(server, kind):
    c = joined(server, kind)
    c.say('21["hold",200]', '2["message",1]', '2["message",2]')
    assert c.message() == '31["held"]'
    events = server.stats()["events"]
    assert [c.event()[1] for _ in range(2)] == [1, 2]
    assert server.stats()["events"] >= events


def test_a_held_client_is_not_timed_out(make_server):
    """Its pongs are not read; and it is pinged all the same."""
    server = make_server(ping_interval_ms=100, ping_timeout_ms=1000)
    c = joined(server)
    c.say('21["hold",2000]', '2["message",1]')
    pings = 0
    while True:
        packet = c.payload()
        if packet == "2":
            pings += 1
            c.send("3")
        elif packet.startswith("42"):
            break
    assert packet == '42["message-back",1]' and pings >= 4
    assert server.gone("ping timeout") == 0


def test_what_is_read_of_a_held_client_has_a_bound(server):
    c = joined(server)
    c.say('2["hold",60000]')
    c.sock.setblocking(False)
    data, sent = frame(TEXT, '42["message","' + "x" * 60000 + '"]'), 0
    rss = server.rss_kib()
    full = 0
    while full < 50:
        try:
            sent += c.sock.send(data)
            full = 0
        except BlockingIOError:
            full += 1
            time.sleep(0.01)
    # What was sent waits in the kernel: the server has read no more of it.
    assert server.rss_kib() < rss + 1000
    c.close()


def test_events_are_taken_at_a_rate(make_server):
    server = make_server(events_per_s=100)
    c, other = joined(server), joined(server)
    began = time.monotonic()
    c.say(*['2["message",%d]' % i for i in range(300)])
    other.emit("message", "at once")
    assert other.event() == ["message-back", "at once"]
    assert [c.event()[1] for _ in range(300)] == list(range(300))
    # 200 at once, 100 more in a second: no less can have passed.
    assert time.monotonic() - began > 0.9


def test_a_post_over_the_rate_is_answered_late(make_server):
    server = make_server(events_per_s=100)
    p = joined(server, PollingClient)
    began = time.monotonic()
    p.send(*['42["message",%d]' % i for i in range(300)])
    assert time.monotonic() - began > 0.9
    assert [p.event()[1] for _ in range(300)] == list(range(300))


# --- Engine.IO alone ---------------------------------------------------------

def test_engine_alone_hands_on_what_is_said(make_server):
    server = make_server(engine=1)
    with Engine(server) as c:
        c.say("anything", b"\0\1", "")
        assert [c.message() for _ in range(3)] == ["anything", b"\0\1", ""]
    p = Polling(server)
    p.say("a", b"b")
    assert [p.message(), p.message()] == ["a", b"b"]


# --- the end -----------------------------------------------------------------

def test_at_the_end_all_are_told(make_server):
    server = make_server()
    c, p = joined(server), joined(server, PollingClient)
    probe = joined(server, PollingClient)
    s = WebSocket(server, query(probe.sid, "websocket"))
    held = joined(server, PollingClient)
    answers = []
    threads = [threading.Thread(target=lambda f=f: answers.append(f()))
               for f in (p.poll, probe.poll,
                         lambda: held.post('42["hold",60000]\x1e42["x"]'))]
    events = server.stats()["events"]
    for t in threads:
        t.start()
    wait_for(lambda: server.stats()["events"] > events, "the post")
    server.signal(signal.SIGHUP)
    assert c.code() == 1001
    assert s.code() == 1001
    for t in threads:
        t.join()
    assert sorted(a.status for a in answers) == [200, 200, 400]
    assert all(a.packets() == ["6"] for a in answers if a.status == 200)
    wait_for(lambda: "hub stopped 0" in server.lines, "the hub's end")
    assert server.gone("server shutting down") == 4
    a = get(server, query())
    assert a.status == 503 and int(a.headers["Retry-After"]) > 0
    with WebSocket(server) as late:
        assert late.status == 503
    assert get(server, query(p.sid)).json()["code"] == 1


def test_sessions_without_a_namespace_end(make_server):
    server = make_server(connect_timeout_ms=1000)
    stays = joined(server)
    c, p = Engine(server), Polling(server)
    assert p.poll().packets() == ["6"]
    assert c.code() == 1000
    stays.emit("message", 1)
    assert stays.event() == ["message-back", 1]
    wait_for(lambda: server.gone("forced close") == 2, "the ends")


