"""Requests that are not what they should be, above HTTP's own rules."""

import base64
import gzip
import hashlib
import hmac
import json
import time

import pytest

import wire
from harness import CONFIG, Server, Site, wait_for
from watch import Watch

GETS = ["queued_records", "central_records", "user", "status", "site",
        "site_status"]
POSTS = ["auth", "queued_records", "acknowledge_records",
         "acknowledged_records", "initialise"]
MIB = 1 << 20


@pytest.fixture(scope="module")
def watch(server):
    return Watch(server)


@pytest.mark.parametrize("path", ["queued_records", "central_records"])
@pytest.mark.parametrize("limit", ["-1", "abc", "-9" * 30, "9" * 60, "1.5",
                                   "NaN", "0x1", ""])
def test_a_bad_limit_is_400(watch, path, limit):
    with watch.unchanged():
        watch.refused(watch.b.get(path, {"limit": limit}), 400)


@pytest.mark.parametrize("cursor", ["-1", "abc", "9" * 60, "1.5", "null"])
def test_a_bad_cursor_is_400(watch, cursor):
    with watch.unchanged():
        watch.refused(watch.b.get("central_records", {"cursor": cursor}), 400)


def test_a_cursor_above_the_head_is_409(watch):
    with watch.unchanged():
        watch.refused(watch.b.get("central_records", {"cursor": 10 ** 15}),
                      409, code="resync_required")


def test_a_path_that_cannot_be_read_is_400(watch):
    with watch.unchanged():
        watch.refused(watch.a.get("queued_records%00"), 400)


@pytest.mark.parametrize("query", ["limit=%zz", "limit=%", "limit=1%00",
                                   "cursor=%ff", "limit=1&limit=x"])
def test_a_query_that_cannot_be_read_is_400(watch, query):
    with watch.unchanged():
        watch.refused(watch.b.get("central_records?" + query), 400)


def wrong_methods():
    for path in sorted(set(GETS) | set(POSTS)):
        allowed = {"GET"} if path in GETS else set()
        allowed |= {"POST"} if path in POSTS else set()
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH"):
            if method not in allowed:
                yield method, path, allowed


@pytest.mark.parametrize("method,path,allowed", list(wrong_methods()))
def test_a_wrong_method_is_405_with_allow(watch, method, path, allowed):
    with watch.unchanged():
        r = watch.a.request(method, path)
        watch.refused(r, 405)
        named = {x.strip() for x in r.headers["Allow"].split(",")}
        assert allowed <= named <= allowed | {"HEAD", "OPTIONS"}


@pytest.mark.parametrize("path", ["", "nope", "queued_records/x",
                                  "queued_records/", "Queued_Records",
                                  "..%2f..%2fetc"])
def test_an_unknown_path_is_404(watch, path):
    with watch.unchanged():
        watch.refused(watch.a.get(path), 404)


@pytest.mark.parametrize("kind", ["text/xml", "multipart/form-data; boundary=x",
                                  "image/png", "application/xml"])
@pytest.mark.parametrize("path", ["queued_records", "acknowledge_records"])
def test_a_wrong_content_type_is_415(watch, path, kind):
    with watch.unchanged():
        watch.refused(watch.a.post(path, [], headers={"Content-Type": kind}),
                      415)


@pytest.mark.parametrize("kind", ["application/json",
                                  "application/json; charset=utf-8",
                                  "Application/JSON"])
def test_json_by_any_of_its_names_is_read(watch, kind):
    r = watch.a.post("queued_records", [], headers={"Content-Type": kind})
    assert r.status_code == 200


def padded(watch, size):
    """A valid push with a body of about this size."""
    record = watch.a.invoice("huge", watch.b.store, pad="")
    text = json.dumps([record])
    at = text.index('"pad": "') + 8
    return text[:at], size, text[at:]


def parts(watch, size):
    head, n, tail = padded(watch, size)
    yield head.encode()
    for _ in range(n // MIB):
        yield b"x" * MIB
    yield tail.encode()


def test_an_oversized_body_with_its_length_is_413(watch):
    body = b"".join(parts(watch, 65 * MIB))
    with watch.unchanged():
        r = sent_or_answered(watch, body)
        watch.refused(r, 413)


def test_an_oversized_body_without_its_length_is_413(watch):
    with watch.unchanged():
        r = sent_or_answered(watch, parts(watch, 65 * MIB))
        watch.refused(r, 413)


def sent_or_answered(watch, body):
    """The answer may come, and the connection close, before all is sent."""
    if isinstance(body, bytes):
        headers = ["Content-Length: %d" % len(body)]
        pieces = [body[i:i + MIB] for i in range(0, len(body), MIB)]
    else:
        headers = ["Transfer-Encoding: chunked"]
        pieces = [b"%x\r\n%s\r\n" % (len(p), p) for p in body]
        pieces.append(b"0\r\n\r\n")
    with wire.connect(watch.a) as s:
        try:
            s.sendall(wire.request(watch.a, headers=headers))
            for piece in pieces:
                s.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return wire.read_answer(s)


def packed(watch, body):
    return watch.a.post("queued_records", body,
                        headers={"Content-Encoding": "gzip"})


def test_a_gzip_bomb_is_413(watch):
    body = gzip.compress(b"".join(parts(watch, 256 * MIB)), 9)
    assert len(body) < MIB
    with watch.unchanged():
        watch.refused(packed(watch, body), 413)


def test_a_gzip_bomb_of_many_members_is_refused(watch):
    body = gzip.compress(b" " * MIB, 9) * 500
    with watch.unchanged():
        watch.refused(packed(watch, body), 413, 400)


def test_truncated_gzip_is_400(watch):
    body = gzip.compress(json.dumps(
        [watch.a.invoice("bad%d" % i) for i in range(50)]).encode())
    with watch.unchanged():
        for cut in (len(body) - 1, len(body) - 8, len(body) // 2, 10, 3, 0):
            watch.refused(packed(watch, body[:cut]), 400)


def test_damaged_gzip_is_400(watch):
    body = bytearray(gzip.compress(json.dumps(
        [watch.a.invoice("bad")]).encode()))
    body[-6] ^= 0x55
    with watch.unchanged():
        watch.refused(packed(watch, bytes(body)), 400)
        watch.refused(packed(watch, b"[]"), 400)


@pytest.mark.parametrize("coding", ["br", "x-unknown", "gzip, gzip",
                                    "gzip, br"])
def test_another_content_coding_is_415(watch, coding):
    with watch.unchanged():
        watch.refused(watch.a.post(
            "queued_records", b"[]", headers={"Content-Encoding": coding}),
            415, 400)


def b64(value):
    if not isinstance(value, bytes):
        value = json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def signed(header, claims, key, digest=hashlib.sha256):
    text = b64(header) + "." + b64(claims)
    mac = hmac.new(key, text.encode(), digest).digest()
    return text + "." + b64(mac)


def opened(token):
    return [json.loads(base64.urlsafe_b64decode(p + "=="))
            for p in token.split(".")[:2]]


def with_token(watch, token):
    return watch.a.get("queued_records", auth=None, headers={
        "Authorization": "Bearer " + token})


def forgeries(token):
    header, claims = opened(token)
    head, body, mac = token.split(".")
    none = {**header, "alg": "none"}
    for alg in ("none", "None", "NONE", "nOnE"):
        yield "alg " + alg, b64({**header, "alg": alg}) + "." + body + "."
    yield "alg none, old signature", b64(none) + "." + body + "." + mac
    yield "no alg", b64({"typ": "JWT"}) + "." + body + "." + mac
    yield "no signature", head + "." + body + "."
    yield "two parts", head + "." + body
    yield "four parts", token + ".x"
    yield "cut signature", token[:-4]
    yield "longer signature", token + "AAAA"
    yield "flipped signature", head + "." + body + "." + (
        ("B" if mac[0] == "A" else "A") + mac[1:])
    for alg, digest in (("HS256", hashlib.sha256), ("HS384", hashlib.sha384),
                        ("HS512", hashlib.sha512)):
        for key in (b"", b"secret", header["kid"].encode()):
            yield "%s with %r" % (alg, key), signed(
                {**header, "alg": alg}, claims, key, digest)
    for alg in ("RS256", "ES256", "PS256", "EdDSA", "HS384", "HS512", ""):
        if alg != header["alg"]:
            yield "as " + alg, b64({**header, "alg": alg}) + "." + body \
                + "." + mac
    for name, value in (("exp", claims["exp"] + 9999), ("org", "main"),
                        ("site_id", 1), ("sub", "admin")):
        yield "other " + name, head + "." + b64({**claims, name: value}) \
            + "." + mac
    for kid in ("", "../../dev/null", "0", None, "x" * 500):
        yield "kid %.9r" % kid, signed({**header, "kid": kid}, claims, b"")
    yield "not base64", head + "." + body + ".!!!!"
    yield "not JSON", b64(b"{") + "." + body + "." + mac


def test_forged_tokens_are_401(watch):
    token = watch.a.token()
    assert with_token(watch, token).status_code == 200
    with watch.unchanged():
        for name, forged in forgeries(token):
            r = with_token(watch, forged)
            assert r.status_code == 401, name
            watch.refused(r, 401)
    assert with_token(watch, token).status_code == 200


def test_a_token_of_another_server_is_401(watch, demo):
    other = Site(demo, "username", "password", 63)
    with watch.unchanged():
        watch.refused(with_token(watch, other.token()), 401)


def test_an_expired_token_is_401(tmp_path):
    s = Server(tmp_path, config="sites:\n  token_lifetime_s: 1\n" + CONFIG)
    s.cli.init("main", "admin", "an-admin-password")
    s.start()
    try:
        watch = Watch(s)
        header, claims = opened(watch.a.token())
        assert claims["exp"] - claims["iat"] <= 1
        token = watch.a.token()
        wait_for(lambda: time.time() > opened(token)[1]["exp"] + 1,
                 "the token to expire")
        with watch.unchanged():
            watch.refused(with_token(watch, token), 401)
    finally:
        assert s.stop() == 0


@pytest.mark.parametrize("header", [
    "Basic", "Basic ????", "Basic " + b64(b"nocolon"), "Basic " + "A" * 6000,
    "Basic " + b64(b"nobody:x"), "Nonsense x", "Bearer"],
    ids=["empty", "not base64", "no colon", "long", "nobody", "scheme",
         "no token"])
def test_bad_authorization_is_401(watch, header):
    with watch.unchanged():
        r = watch.a.get("queued_records", auth=None,
                        headers={"Authorization": header})
        watch.refused(r, 401)
        assert r.headers["WWW-Authenticate"].startswith("Basic")


def test_a_disabled_site_is_401(watch):
    site = watch.org.site()
    watch.org.cli.site("disable", site.name)
    with watch.unchanged():
        watch.refused(site.push(site.invoice("x")), 401)
        watch.refused(site.post("auth"), 401)


def test_another_sites_users_are_403(watch):
    with watch.unchanged():
        watch.refused(watch.a.get("user", {"store": watch.b.store}), 403)


def test_another_sites_records_are_not_written(watch):
    with watch.unchanged():
        watch.refused_record(watch.b.push(watch.b.record(
            "transact", "own", {"store_ID": watch.b.store})))
