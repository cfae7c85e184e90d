"""Who may speak, each promise of the notes by name."""

import base64
import hashlib
import json

import pytest

from harness import Site, assert_error, sha256, wait_for

# A change by the command line reaches a running server in this time.
NOTICED_S = 10


@pytest.fixture
def site(org):
    return org.site()


def refused(site, code=None, **kw):
    r = site.get("queued_records", **kw)
    error = assert_error(r, 401, code=code)
    assert r.headers["WWW-Authenticate"].startswith("Basic")
    return error


def soon_refused(site, what, code=None):
    wait_for(lambda: site.get("queued_records").status_code == 401, what,
             NOTICED_S)
    return refused(site, code)


@pytest.mark.parametrize("path", [
    "queued_records", "central_records", "user?store=x", "status", "site",
    "site_status"])
def test_every_get_wants_a_site(site, path):
    site.auth = None
    r = site.get(path)
    assert_error(r, 401)
    assert r.headers["WWW-Authenticate"].startswith("Basic")


@pytest.mark.parametrize("path", [
    "auth", "queued_records", "acknowledge_records", "acknowledged_records",
    "initialise"])
def test_every_post_wants_a_site(site, path):
    site.auth = None
    r = site.post(path, [])
    assert_error(r, 401)
    assert r.headers["WWW-Authenticate"].startswith("Basic")


def test_an_unknown_site_is_401(site):
    site.auth = ("nobody-%s" % site.name, sha256("x"))
    refused(site, "site_name_not_found")


def test_a_wrong_password_is_401(site):
    for wrong in ("wrong", "", sha256("wrong"), site.password + " "):
        site.auth = (site.name, wrong)
        refused(site, "site_incorrect_password")


def test_the_password_and_its_sha256_both_open(site):
    for secret in (site.password, sha256(site.password)):
        site.auth = (site.name, secret)
        assert site.get("queued_records").status_code == 200


def test_an_upper_case_sha256_is_not_the_hash(site):
    site.auth = (site.name, sha256(site.password).upper())
    refused(site)


def test_64_lower_case_hex_digits_are_always_the_hash(site):
    site.auth = (site.name, sha256(sha256(site.password)))
    refused(site)


def test_a_password_of_64_hex_digits_cannot_be_set(org, site):
    secret = hashlib.sha256(b"any").hexdigest()
    done = org.cli.site("set-password", site.name, secret, check=False)
    assert done.returncode != 0
    assert site.get("queued_records").status_code == 200
    done = org.cli.site_add("hex-" + site.name, org.name, 9999, secret,
                            check=False)
    assert done.returncode != 0


@pytest.mark.parametrize("header", [
    "Basic", "Basic ", "Basic !!!", "Basic bm9jb2xvbg==", "Basic =", "Nonsense",
    "Digest username=x", "Bearer", "Bearer ", "Bearer x", "Bearer a.b.c",
    "basic\t" + base64.b64encode(b"x:y").decode(),
    "Basic " + base64.b64encode(b"\xff\xfe:\x00").decode()])
def test_an_authorization_that_cannot_be_read_is_401(site, header):
    site.auth = None
    refused(site, headers={"Authorization": header})


def test_the_scheme_is_read_in_any_letter_case(site):
    site.auth = None
    pair = base64.b64encode(
        ("%s:%s" % (site.name, site.password)).encode()).decode()
    for scheme in ("basic", "BASIC"):
        r = site.get("queued_records",
                     headers={"Authorization": scheme + " " + pair})
        assert r.status_code == 200


def test_a_password_may_hold_colons_and_any_text(server, org):
    password = "a:b: ç𝄞 \"x\""
    org.cli.site_add("colon-" + org.name, org.name, 7000, password)
    for secret in (password, sha256(password)):
        site = Site(server, "colon-" + org.name, password, 7000)
        site.auth = (site.name.encode(), secret.encode())
        assert site.get("queued_records").status_code == 200


def test_the_first_hardware_id_binds(site):
    one, two = (site.like(msupply_site_uuid=u) for u in ("one", "two"))
    assert site.get("queued_records").status_code == 200
    assert one.get("queued_records").status_code == 200
    refused(two, "site_incorrect_hardware_id")
    refused(site, "site_incorrect_hardware_id")
    assert one.get("queued_records").status_code == 200


def test_the_binding_survives_a_restart(server, site):
    one, two = (site.like(msupply_site_uuid=u) for u in ("one", "two"))
    assert one.get("queued_records").status_code == 200
    server.restart(hard=True)
    refused(two, "site_incorrect_hardware_id")
    assert one.get("queued_records").status_code == 200


def test_an_operator_releases_the_binding(org, site):
    one, two = (site.like(msupply_site_uuid=u) for u in ("one", "two"))
    assert one.get("queued_records").status_code == 200
    org.cli.site("release", site.name)
    wait_for(lambda: two.get("queued_records").status_code == 200,
             "the release to be noticed", NOTICED_S)
    refused(one, "site_incorrect_hardware_id")


def bearer(site):
    token = site.token()
    copy = site.like(Authorization="Bearer " + token)
    copy.auth = None
    assert copy.get("queued_records").status_code == 200
    return copy


def test_release_ends_the_sites_tokens(org, site):
    one = site.like(msupply_site_uuid="one")
    token = bearer(one)
    org.cli.site("release", site.name)
    soon_refused(token, "the release to end the token")
    assert one.get("queued_records").status_code == 200


def test_a_token_does_not_serve_another_hardware(site):
    one = site.like(msupply_site_uuid="one")
    token = bearer(one)
    token.headers["msupply-site-uuid"] = "two"
    refused(token, "site_incorrect_hardware_id")


def test_a_password_change_ends_tokens_and_the_old_password(org, site):
    token = bearer(site)
    assert site.get("queued_records").status_code == 200
    org.cli.site("set-password", site.name, "the-next-password")
    soon_refused(token, "the change to end the token")
    soon_refused(site, "the old password to end", "site_incorrect_password")
    site.auth = (site.name, sha256("the-next-password"))
    assert site.get("queued_records").status_code == 200


def test_disabling_ends_tokens_and_password(org, site):
    token = bearer(site)
    assert site.get("queued_records").status_code == 200
    org.cli.site("disable", site.name)
    soon_refused(token, "the disabling to end the token")
    soon_refused(site, "the disabling to end the password")


def test_a_tokens_claims_are_those_of_the_contract(org, site):
    one = site.like(msupply_site_uuid="the-uuid")
    part = one.token().split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(part + "=="))
    assert {"sub", "name", "org", "iat", "exp", "jti"} <= set(claims)
    assert claims["org"] == org.name
    assert claims["name"] == site.name
    assert str(claims["site_id"]) == str(site.number)
    assert "the-uuid" in claims.values()


def test_wrong_passwords_never_lock_a_site_out(site):
    good = site.auth
    site.auth = (site.name, "wrong")
    for _ in range(8):
        assert site.get("queued_records").status_code in (401, 429)
    site.auth = good
    wait_for(lambda: site.get("queued_records").status_code == 200,
             "the site to be let in, slowed at most", NOTICED_S)


USER = {"id", "username", "name", "active", "stores", "permissions"}


def test_user_lists_who_may_work_in_the_store_without_secrets(org, site):
    other = org.site()
    org.cli.user_add("anna-" + org.name, org.name, "uuid-anna",
                     "a-user-password", stores=[site.store])
    org.cli.user_add("ben-" + org.name, org.name, "uuid-ben",
                     "a-user-password", stores=[other.store])
    r = site.get("user", {"store": site.store})
    assert r.status_code == 200
    users = {u["username"]: u for u in r.json()}
    assert set(users) == {"anna-" + org.name}
    for user in users.values():
        assert set(user) == USER
        assert user["active"] is True
        assert site.store in user["stores"]
    assert "uuid-anna" in json.dumps(r.json())


def test_user_is_404_for_an_unknown_store(site):
    assert_error(site.get("user", {"store": "no-such-store"}), 404)


def test_user_without_a_store_is_400(site):
    assert_error(site.get("user"), 400)


def test_a_site_asks_only_for_its_own_stores(org, site):
    other = org.site()
    assert_error(site.get("user", {"store": other.store}), 403)
