"""What a user sees changes without a change of any record: because the
account changes, or the declaration. Whoever goes on from before holds in the
end just what is seen then, or is told to begin again."""

import pytest

from events import Client
from harness import ADMIN_PASSWORD, Server
from resources import (CONFIG, ResourcesOrg, assert_error, by_id, ids_of,
                       records_of)

DOCTORS_RULE = "      - {role: doctor, field: doctor_id}\n"
ALL_DOCTORS_RULE = "      - {role: doctor}\n"


@pytest.fixture
def own(tmp_path):
    s = Server(tmp_path, config=CONFIG)
    s.cli.init("main", "admin", ADMIN_PASSWORD)
    s.start()
    yield s
    s.stop()


def assert_resync(response):
    got = assert_error(response, 410)
    assert got["error_code"] == "RESYNC_REQUIRED"


class Device:
    """What one client of a user holds: by X-Last-Sync and ETag, and merged by
    id, as a client does that replaces what it gets."""

    def __init__(self, user, collection, **params):
        self.user, self.collection, self.params = user, collection, params
        self.held, self.last, self.resyncs = {}, None, 0

    def take(self, response):
        for record in records_of(response):
            if record.get("deleted"):
                self.held.pop(record["id"], None)
            else:
                self.held[record["id"]] = record
        self.last = response.headers["X-Last-Sync"]

    def sync(self):
        r = self.user.sync(self.collection, self.last, **self.params)
        if r.status_code == 410:
            assert_resync(r)
            self.resyncs += 1
            self.held, self.last = {}, None
            r = self.user.sync(self.collection, **self.params)
        self.take(r)
        return self

    def assert_right(self):
        """It holds what a download of everything has."""
        assert self.held == by_id(self.user.records(self.collection))


def devices(user, collection="visits"):
    """One that knows nothing of deletions, and one that has opted in."""
    return [Device(user, collection).sync(),
            Device(user, collection, deleted=1).sync()]


def made_visits(staff, *doctors):
    return [staff.created("visits", doctor_id=d) for d in doctors]


def put_user(rorg, user, **members):
    """PUT /api/v1/admin/users/{uuid} as the org's administrator."""
    admin = rorg.admin
    client = Client(rorg.server, admin.name, admin.password, admin.uuid,
                    rorg.name)
    r = client.request("PUT", "admin/users/" + user.uuid, members)
    assert r.status_code == 204, r.text


def set_profile(rorg, user, profile):
    rorg.cli.run("user", "set-profile", user.name, "--org", rorg.name,
                 "--profile", profile)


# --- the account -------------------------------------------------------------

CHANGES = [
    # Role and profile before, the change, and the doctors seen afterwards.
    ("doctor", 10, lambda o, u: put_user(o, u, roles=["staff"]), [10, 11]),
    ("staff", 10, lambda o, u: put_user(o, u, roles=["doctor"]), [10]),
    ("doctor", 10, lambda o, u: put_user(o, u, roles=[]), []),
    ("doctor", 10, lambda o, u: put_user(o, u, isAdmin=True), [10, 11]),
    ("doctor", 10, lambda o, u: set_profile(o, u, 11), [11]),
    ("doctor", 12, lambda o, u: set_profile(o, u, 10), [10]),
]
NAMES = ["roles widened", "roles narrowed", "roles taken", "made admin",
         "another profile", "first sight"]


@pytest.mark.parametrize("role,profile,change,seen", CHANGES, ids=NAMES)
def test_who_goes_on_by_time_holds_what_is_seen_now(
        resources, rorg, role, profile, change, seen):
    made = made_visits(rorg.staff(), 10, 11)
    user = rorg.user(role, profile)
    plain, opted_in = devices(user)
    change(rorg, user)
    assert user.sync("visits", opted_in.last, deleted=1).status_code == 410
    # Who has not opted in gets everything that is seen now.
    r = user.sync("visits", plain.last)
    want = [v for v in made if v["doctor_id"] in seen]
    assert records_of(r) == want
    opted_in.sync().assert_right()
    assert opted_in.resyncs == 1 and list(opted_in.held.values()) == want
    # From then on all is as ever.
    last = r.headers["X-Last-Sync"]
    assert user.records("visits", last) == []
    new = made_visits(rorg.staff(), *seen[:1])
    assert user.records("visits", last) == new
    opted_in.sync().assert_right()
    assert opted_in.resyncs == 1


@pytest.mark.parametrize("change", [
    lambda o, u: put_user(o, u, roles=["doctor"]),
    lambda o, u: put_user(o, u, new_username=u.name + "-x"),
    lambda o, u: put_user(o, u, isAdmin=False),
    lambda o, u: set_profile(o, u, 10),
    lambda o, u: o.cli.run("user", "set-profile", u.name, "--org", o.name,
                           "--email", "a@example.org")])
def test_what_changes_nothing_that_is_seen_makes_nobody_begin_again(
        resources, rorg, change):
    made = made_visits(rorg.staff(), 10, 11)
    user = rorg.user("doctor", 10)
    r = user.sync("visits", deleted=1)
    assert ids_of(records_of(r)) == [made[0]["id"]]
    change(rorg, user)
    last = r.headers["X-Last-Sync"]
    assert user.records("visits", last, deleted=1) == []
    again = user.sync("visits", deleted=1,
                      headers={"If-None-Match": r.headers["ETag"]})
    assert again.status_code == 304


def test_the_change_of_one_account_is_not_another_ones(resources, rorg):
    made_visits(rorg.staff(), 10, 11)
    one, other = rorg.user("doctor", 10), rorg.user("doctor", 11)
    last = other.sync("visits").headers["X-Last-Sync"]
    put_user(rorg, one, roles=["staff"])
    assert other.records("visits", last, deleted=1) == []


def test_a_cursor_from_before_begins_again(resources, rorg):
    """Whether deletions are asked for or not, and however it began."""
    made = made_visits(rorg.staff(), 10, 11, 10, 10)
    user = rorg.user("doctor", 10)
    pages = [user.sync("visits", since, limit=1, **more)
             for since in (None, "2000-01-01T00:00:00Z")
             for more in ({}, {"deleted": 1})]
    assert all("next" in p.links for p in pages)
    put_user(rorg, user, roles=["staff"])
    for page in pages:
        assert_resync(user.follow(page))
    got = [r for p in user.pages("visits", 1) for r in p.json()]
    assert ids_of(got) == ids_of(made)


@pytest.mark.parametrize("more", [{}, {"deleted": 1}])
def test_pages_that_begin_afterwards_go_to_their_end(resources, rorg, more):
    made = made_visits(rorg.staff(), 10, 11, 10)
    user = rorg.user("doctor", 10)
    before = user.sync("visits").headers["X-Last-Sync"]
    put_user(rorg, user, roles=["staff"])
    since = None if more else before
    pages = list(user.pages("visits", 1, since, **more))
    assert ids_of([r for p in pages for r in p.json()]) == ids_of(made)
    last = pages[-1].headers["X-Last-Sync"]
    assert user.records("visits", last, **more) == []


def test_an_answer_from_memory_is_of_the_account_as_it_is(resources, rorg):
    """The same address and ETag are answered 304 only to the same sight."""
    made = made_visits(rorg.staff(), 10, 11)
    user = rorg.user("doctor", 10)

    def get(etag):
        return user.sync("visits", headers={"If-None-Match": etag})

    first = user.sync("visits")
    etag = first.headers["ETag"]
    assert get(etag).status_code == 304
    set_profile(rorg, user, 11)
    second = get(etag)
    assert records_of(second) == made[1:]
    assert get(second.headers["ETag"]).status_code == 304
    put_user(rorg, user, roles=["staff"])
    for tag in (etag, second.headers["ETag"]):
        assert records_of(get(tag)) == made
    # It sees again just what it saw, which has not changed since.
    put_user(rorg, user, roles=["doctor"])
    set_profile(rorg, user, 10)
    assert get(etag).status_code == 304
    assert records_of(user.sync("visits")) == made[:1]


# --- the record that the user is -----------------------------------------------

def test_who_gets_a_record_of_their_own_sees_what_was_there(resources, rorg):
    """A site's record has another key than its id, and what refers to it may
    have been there before it."""
    site, user = rorg.site(), rorg.user("patient", 1)
    site.pushed(site.record("visits", "v", {"store_id": site.store,
                                            "person_id": "p-1"}))
    page = user.sync("visits", deleted=1)
    assert page.json() == []
    last = page.headers["X-Last-Sync"]
    site.pushed(site.record("people", "p-1", {"store_id": site.store,
                                              "name": "n"}))
    assert_resync(user.sync("visits", last, deleted=1))
    got = user.records("visits", last)
    assert len(got) == 1 and got[0]["person_id"] == 1


# --- the declaration ---------------------------------------------------------

def redeclare(server, *changes):
    """Restart the server with these parts of its file changed."""
    text = server.config.read_text()
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    assert server.stop() == 0
    server.config.write_text(text)
    server.start()


NARROW = (ALL_DOCTORS_RULE, DOCTORS_RULE)
WIDEN = (DOCTORS_RULE, ALL_DOCTORS_RULE)


def test_a_declaration_that_changes_who_sees_what(own):
    rorg = ResourcesOrg(own)
    staff, doctor = rorg.staff(), rorg.user("doctor", 10)
    made = made_visits(staff, 10, 11, 10)
    things = devices(doctor, "things")
    plain, opted_in = devices(doctor)
    for change, n in ((WIDEN, 3), (NARROW, 2)):
        page = doctor.sync("visits", limit=1)
        redeclare(own, change)
        assert_resync(doctor.follow(page))
        got = doctor.records("visits", plain.last)
        assert got == [v for v in made if n == 3 or v["doctor_id"] == 10]
        plain.sync()
        opted_in.sync().assert_right()
        assert len(opted_in.held) == n
    assert opted_in.resyncs == 2
    # Another restart changes nothing, and of others nothing has changed.
    own.restart()
    assert doctor.records("visits", opted_in.last, deleted=1) == []
    for device in things:
        assert device.sync().resyncs == 0


def test_what_is_gone_is_told_even_if_no_record_is_left(own):
    """Traces of the deleted are where they were seen before."""
    rorg = ResourcesOrg(own)
    staff, doctor = rorg.staff(), rorg.user("doctor", 10)
    made, = made_visits(staff, 10)
    redeclare(own, WIDEN)
    opted_in = Device(doctor, "visits", deleted=1).sync()
    staff.deleted("visits", made["id"])
    redeclare(own, NARROW)
    opted_in.sync().assert_right()
    assert opted_in.held == {}


def test_a_collection_that_was_away_begins_again(own):
    rorg = ResourcesOrg(own)
    staff = rorg.staff()
    made = staff.created("things", name="n")
    last = staff.sync("things").headers["X-Last-Sync"]
    path = "    path: things\n"
    redeclare(own, ("  - name: things\n" + path,
                    "  - name: things_away\n    path: things-away\n"))
    redeclare(own, ("  - name: things_away\n    path: things-away\n",
                    "  - name: things\n" + path))
    assert staff.records("things", last) == [made]
    assert_resync(staff.sync("things", last, deleted=1))


def test_another_declaration_of_the_same_sight_makes_nobody_begin_again(own):
    rorg = ResourcesOrg(own)
    staff = rorg.staff()
    staff.created("things", name="n")
    last = staff.sync("things").headers["X-Last-Sync"]
    line = "    history: 3\n"
    redeclare(own, (line, "    history: 4\n"))
    assert staff.records("things", last, deleted=1) == []
