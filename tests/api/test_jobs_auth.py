"""Who may do what in the jobs API, and which refusal comes first."""

import time

import pytest

from devices import altered
from events import Client as EventsClient
from jobs import (NOT_FOUND, JobsOrg, assert_error, config, forbidden,
                  object_of, unauthorized)
from jobs_source import Sources
from resources import User

EVERYTHING = {"read", "create", "update", "review", "approve", "delete"}
MAY = {
    "Guest": {"read"}, "User": {"read", "create"},
    "Customer": {"read", "create"},
    "Reviewer": {"read", "create", "review", "approve"},
    "Publisher": {"read", "create", "update", "review", "delete"},
    "PowerUser": {"read", "create", "update", "review", "delete"},
    "Owner": EVERYTHING, "ContentAdmin": EVERYTHING, "System": EVERYTHING,
    # Names that are none of these give nothing.
    "staff": set(), "guest": set(), "OWNER": set(),
    "Publisher2": set(), "read": set()}
# Each call, what it needs, and the answer to who may make it: nothing here
# changes anything.
CALLS = {
    "info": ("GET", "/sync/info", "read", 200),
    "list": ("GET", "/sync/jobs", "read", 200),
    "job": ("GET", "/sync/jobs/none", "read", 404),
    "queue": ("POST", "/sync/queue", "update", 400),
    "pause by GET": ("GET", "/sync/pause/none", "update", 404),
    "pause": ("POST", "/sync/pause/none", "update", 404),
    "resume by GET": ("GET", "/sync/resume/none", "update", 404),
    "resume": ("POST", "/sync/resume/none", "update", 404),
    "purge by GET": ("GET", "/sync/purge", "delete", 200),
    "purge": ("POST", "/sync/purge", "delete", 201),
    "cancel": ("POST", "/sync/jobs/none/cancel", "update", 404),
    "retry": ("POST", "/sync/jobs/none/retry", "update", 404)}

every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())


@pytest.fixture(scope="module")
def sources():
    s = Sources(1)
    yield s
    s.close()


@pytest.fixture(scope="module")
def server(sources, serve):
    return serve(config(sources))


@pytest.fixture(scope="module")
def org(server):
    return JobsOrg(server)


@pytest.fixture(scope="module")
def other(server):
    return JobsOrg(server)


@pytest.fixture(scope="module")
def site(org):
    return org.bearer(org.site_token())


@pytest.fixture(scope="module")
def device(org):
    return org.bearer(org.device_token())


def body_of(call):
    return "" if call[1] == "/sync/queue" else None


def ask(client, call, **kw):
    return client.ask(call[0], call[1], body_of(call), **kw)


def assert_let_in(response, call):
    assert response.status_code == call[3], response.text
    if call[3] == 404:
        assert_error(response, 404, NOT_FOUND)
    if call[3] == 400:
        assert_error(response, 400, "Empty Data")


# --- permissions -------------------------------------------------------------

@every_call
@pytest.mark.parametrize("role", MAY)
def test_what_a_role_may(org, role, call):
    answer = ask(org.of_role(role), call)
    if call[2] in MAY[role]:
        assert_let_in(answer, call)
    else:
        forbidden(answer)


@every_call
def test_who_has_no_role_may_nothing(org, call):
    forbidden(ask(org.of_role(), call))


@every_call
def test_an_administrator_may_everything(org, call):
    assert_let_in(ask(org.admin, call), call)


@every_call
def test_roles_add_up(org, call):
    """One that gives nothing takes nothing away, and the order is of no
    effect."""
    for roles in (("Guest", "Reviewer"), ("staff", "Publisher"),
                  ("Publisher", "Guest"), ("staff", "guest")):
        may = set().union(*[MAY[r] for r in roles])
        answer = ask(org.of_role(*roles), call)
        if call[2] in may:
            assert_let_in(answer, call)
        else:
            forbidden(answer)


def test_a_refusal_changes_nothing(org, sources):
    """Neither by the role nor by the org."""
    user, shelf = org.user, sources.take()
    job = user.waiting(shelf)
    failed = user.waiting(shelf)
    user.cancelled(failed["id"])
    before = user.job(job["id"]), user.job(failed["id"]), user.counts()
    stranger = JobsOrg(org.server).user
    for method in ("GET", "POST"):
        for client, orgid in ((org.of_role("Reviewer"), org.name),
                              (stranger, org.name)):
            for path in ("/sync/pause/" + job["name"],
                         "/sync/resume/" + job["name"], "/sync/purge"):
                forbidden(client.ask(method, path, orgid=orgid))
    for path in ("cancel", "retry"):
        forbidden(org.of_role("Reviewer").ask(
            "POST", "/sync/jobs/%s/%s" % (job["id"], path)))
    forbidden(org.of_role("Customer").queue(shelf))
    assert before == (user.job(job["id"]), user.job(failed["id"]),
                      user.counts())
    org.end()


# --- tokens ------------------------------------------------------------------

@every_call
def test_without_a_token_it_is_401(org, call):
    for orgid in (org.name, None, "", "nowhere"):
        unauthorized(ask(org.user, call, orgid=orgid, token=None))


@every_call
@pytest.mark.parametrize("token", ["x", "x.y.z", "e30.e30.e30", "a" * 5000])
def test_a_bad_token_is_401(org, call, token):
    unauthorized(ask(org.user, call, token=token))


@pytest.mark.parametrize("header", [
    "", "Bearer", "Bearer ", "Basic dXNlcjpwYXNzd29yZA==", "Token x"])
def test_a_header_that_holds_no_bearer_is_401(org, header):
    unauthorized(org.user.ask("GET", "/sync/info", token=None,
                              headers={"Authorization": header}))


@every_call
def test_an_expired_token_is_401(org, call):
    old = altered(org.server, org.admin.token, exp=int(time.time()) - 10)
    for orgid in (org.name, None):
        unauthorized(ask(org.admin, call, token=old, orgid=orgid))


def test_the_alteration_above_is_what_made_it_bad(org):
    token = altered(org.server, org.admin.token, exp=int(time.time()) + 60)
    for call in CALLS.values():
        assert_let_in(ask(org.admin, call, token=token), call)


@every_call
def test_a_refresh_token_is_no_bearer(org, call):
    user = User(org.server, org.admin.name, org.admin.password)
    access, refresh = user.pair()
    unauthorized(ask(org.admin, call, token=refresh))
    assert_let_in(ask(org.admin, call, token=access), call)


@every_call
def test_a_forged_token_is_401(org, call):
    head, claims, mac = org.admin.token.split(".")
    forged = ".".join((head, claims, mac[:-4] + mac[-4:][::-1]))
    unauthorized(ask(org.admin, call, token=forged))


def test_the_token_of_any_login_opens(org):
    """Of the devices', the events' and the resources' APIs."""
    user = org.user
    events = EventsClient(org.server, user.name, user.password, user.uuid)
    resources = User(org.server, user.name, user.password)
    for token in (user.token, events.token, resources.token):
        for call in CALLS.values():
            assert_let_in(ask(user, call, token=token), call)


def test_a_user_who_is_disabled_is_401_at_once(org):
    user = org.new_user("--role", "Owner")
    object_of(user.ask("GET", "/sync/info"))
    org.cli.run("user", "disable", user.name, "--org", org.name)
    unauthorized(user.ask("GET", "/sync/info"))


@every_call
def test_a_sites_and_a_devices_token_are_403(org, site, device, call):
    for client in (site, device):
        for orgid in (org.name, None, "", "nowhere"):
            forbidden(ask(client, call, orgid=orgid))


# --- orgid -------------------------------------------------------------------

@every_call
@pytest.mark.parametrize("orgid", [None, ""], ids=["missing", "empty"])
def test_orgid_is_required(org, call, orgid):
    """Said to who may nothing, too: it comes before permissions."""
    for client in (org.admin, org.of_role("Guest"), org.of_role()):
        assert_error(ask(client, call, orgid=orgid), 400,
                     "orgid is required")


@every_call
def test_an_org_that_is_not_the_callers_is_403(org, other, call):
    """Whether there is one of that name or not; an administrator's, too."""
    for orgid in (other.name, "nowhere", "main", org.name + "x",
                  org.name.upper(), org.name[:-1], "*", "%", "1",
                  "x" * 1000):
        for client in (org.admin, org.user):
            forbidden(ask(client, call, orgid=orgid))


def test_the_headers_name_is_read_in_any_case(org):
    for name in ("orgid", "OrgId", "ORGID"):
        object_of(org.user.ask("GET", "/sync/info", orgid=None,
                               headers={name: org.name}))


def test_orgid_in_the_query_is_not_looked_at(org):
    assert_error(org.user.ask("GET", "/sync/info", orgid=None,
                              params={"orgid": org.name}), 400,
                 "orgid is required")


def test_an_answer_is_of_the_callers_org_alone(org, other, sources):
    shelf = sources.take()
    mine, theirs = org.user.waiting(shelf, "same"), \
        other.user.waiting(shelf, "same")
    assert [j["id"] for j in org.user.info()["syncJobs"]] == [mine["id"]]
    assert [j["id"] for j in org.user.all_jobs()][:1] == [mine["id"]]
    assert theirs["id"] not in [j["id"] for j in org.user.all_jobs()]
    body = org.user.info()["organization"]
    assert body == {"id": org.name, "name": "A title"}
    for call in (("GET", ""), ("POST", "/cancel"), ("POST", "/retry")):
        answer = org.user.ask(call[0], "/sync/jobs/%s%s" % (
            theirs["id"], call[1]))
        if theirs["id"] == mine["id"]:
            continue  # Numbers may begin anew in each org.
        assert_error(answer, 404, NOT_FOUND)
    org.user.paused("same")
    assert other.user.job(theirs["id"])["status"] == "queued"
    org.end()
    assert other.user.job(theirs["id"])["status"] == "queued"
    other.end()


# --- what comes before what --------------------------------------------------

@pytest.mark.parametrize("body,headers", [
    ("", {}), ("{", {}), ("[]", {}), ('{"name":7}', {}),
    ("x", {"Content-Type": "text/plain"}), ("x" * (1 << 17), {})],
    ids=["empty", "no JSON", "array", "bad", "another type", "too large"])
def test_who_may_not_is_told_nothing_of_the_body(org, body, headers):
    """Whatever is wrong with it, its type and its size."""
    guest = org.of_role("Guest")
    forbidden(guest.post(body, headers=headers))
    forbidden(org.user.post(body, headers=headers, orgid="nowhere"))
    assert_error(guest.post(body, headers=headers, orgid=None), 400,
                 "orgid is required")
    unauthorized(org.user.post(body, headers=headers, token=None))


def test_get_sync_needs_neither_token_nor_org(org):
    for kw in ({"token": None, "orgid": None}, {"token": "x.y.z"},
               {"orgid": "nowhere"}, {"token": None, "orgid": ""}):
        got = object_of(org.user.ask("GET", "/sync", **kw))
        assert (got["version"], got["status"]) == ("1.0.0", "active")


def test_a_path_that_is_none_is_404_for_everybody(org, site):
    for client, kw in ((org.admin, {}), (org.of_role(), {}), (site, {})):
        assert_error(client.ask("GET", "/sync/x", **kw), 404,
                     "Cannot GET /sync/x")
    assert_error(org.user.ask("GET", "/sync/x", token=None, orgid=None), 404,
                 "Cannot GET /sync/x")
