"""The tests' own client of Engine.IO and Socket.IO, without a server."""

import socket

import pytest

from devices_socket import (BINARY, CLOSE, PACKET, PING, TEXT, Closed, Socket,
                            WebSocket, filled, frame, masked, payload, query)


class Wire(WebSocket):
    """A WebSocket that reads what a test wrote, its handshake over."""

    def __init__(self, data):
        self.sock, self.other = socket.socketpair()
        self.sock.settimeout(5)
        self.other.sendall(data)
        self.other.shutdown(socket.SHUT_WR)
        self.pending, self.data, self.code = [], b"", None
        self.parts, self.opcode = [], None


class Script:
    """An engine that gives what a test wrote, and keeps what is sent."""

    def __init__(self, *packets):
        self.packets, self.sent = list(packets), []

    def receive(self):
        if not self.packets:
            raise Closed("end")
        return self.packets.pop(0)

    def send(self, *packets):
        self.sent += packets


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 70000])
def test_a_frame_is_read_as_it_was_written(size):
    assert Wire(frame(BINARY, b"\xa5" * size, mask=False)).receive() \
        == b"\xa5" * size


def test_masking_twice_is_nothing():
    for size in range(9):
        data = bytes(range(1, size + 1))
        assert masked(masked(data, b"abcd"), b"abcd") == data
    assert masked(b"\0\0\0\0\0", b"abcd") == b"abcda"


def test_fragments_are_put_together_around_a_ping():
    ws = Wire(frame(TEXT, b"4h", fin=False, mask=False)
              + frame(PING, b"x", mask=False)
              + frame(0, b"i", mask=False) + frame(CLOSE, b"\x03\xe9abc",
                                                   mask=False))
    assert ws.receive() == "4hi"
    with pytest.raises(Closed) as e:
        ws.receive()
    assert e.value.code == 1001


@pytest.mark.parametrize("text,groups", [
    ('0{"sid":"x"}', ("0", None, None, None, '{"sid":"x"}')),
    ("1", ("1", None, None, None, "")),
    ('2["a"]', ("2", None, None, None, '["a"]')),
    ('212["a"]', ("2", None, None, "12", '["a"]')),
    ('451-/x,7["a"]'[1:], ("5", "1", "/x", "7", '["a"]')),
    ('4/x,{"message":"m"}', ("4", None, "/x", None, '{"message":"m"}'))])
def test_a_packet_is_taken_apart(text, groups):
    assert PACKET.fullmatch(text).groups() == groups


def test_attachments_take_the_place_of_their_placeholders():
    assert filled(["a", {"b": {"_placeholder": True, "num": 1}},
                   {"_placeholder": True, "num": 0}], [b"x", b"y"]) \
        == ["a", {"b": b"y"}, b"x"]


def test_a_payload_holds_text_and_binary():
    assert payload("4hello", b"\1\2\3\4") == "4hello\x1ebAQIDBA=="
    assert query(sid="x") == "/socket.io/?EIO=4&transport=polling&sid=x"
    assert query(EIO=None) == "/socket.io/?transport=polling"


def test_a_socket_answers_pings_and_keeps_what_it_was_not_asked_for():
    engine = Script("2", '42["a",1]', '451-["b",{"_placeholder":true,'
                    '"num":0}]', b"x", '430[{"event_id":4}]', '42["a",2]')
    s = Socket(engine)
    assert s.call("critical_event", {}) == {"event_id": 4}
    assert engine.sent == ['420["critical_event", {}]', "3"]
    assert s.pending("a") == [1]
    assert s.take("b") == b"x"
    assert s.take("a", lambda data: data == 2) == 2
    assert s.next() == ("a", [1])
    assert s.ended() == "end"
