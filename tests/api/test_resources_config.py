"""Declarations of resources: what is wrong is told with file and line, and a
declaration that changes changes who sees what."""

import re

import pytest

from cli import ROOT, tombolo
from harness import ADMIN_PASSWORD, Server
from resources import (CONFIG, NOT_FOUND, ResourcesOrg,
                       assert_error, ids_of, object_of)
from test_config import config, refused

# Each key on a line of its own, so that a line can be named.
GOOD = """\
collections:
  - name: shops
    path: shops
    id: integer
    route: central
    times: {updated: updated_at}
    visible: [{role: any}]
    fields:
      - {name: name, type: string}
  - name: shop_stock
    path: shop-stock
    id: integer
    order: id
    route: central
    times: {created: c, updated: u, synced: s}
    writers: [staff]
    filters: [{field: shop_id, doc: "Only this shop"}]
    visible:
      - {role: staff}
      - {role: keeper, field: keeper}
      - {role: guest, field: id}
    base: optional
    history: 2
    max_token_age: 60
    fields:
      - {name: shop_id, type: integer, references: shops}
      - {name: shop_name, type: string, from: shop_id, show: name}
      - {name: state, type: enum, values: [A, B], writable: [any]}
      - {name: keeper, type: string, read_only: yes}
      - {name: store, type: json, hidden: yes}
"""


def changed(old, new):
    """GOOD with one line changed, and the number of that line."""
    lines = GOOD.splitlines()
    at, = [n for n, line in enumerate(lines) if line.strip() == old]
    lines[at] = lines[at].replace(old, new)
    return "\n".join(lines) + "\n", at + 1


def test_a_good_declaration_passes_and_is_shown(tmp_path):
    path = config(tmp_path, GOOD)
    assert tombolo("config", "check", "--config", path).returncode == 0
    shown = tombolo("config", "show", "--config", path).stdout
    for text in ("shop-stock", "max_token_age", "keeper", "references",
                 "Only this shop"):
        assert text in shown
    again = config(tmp_path, shown)
    assert tombolo("config", "show", "--config", again).stdout == shown


@pytest.mark.parametrize("old,new", [
    ("path: shop-stock", "path: sync"), ("path: shop-stock", "path: auth"),
    ("path: shop-stock", "path: v1"), ("path: shop-stock", "path: login"),
    ("path: shop-stock", "path: ping"), ("path: shop-stock", "path: a/b"),
    ("path: shop-stock", 'path: ""'), ("path: shop-stock", "path: a.b"),
    ("path: shop-stock", "path: shop_stock"),
    ("path: shop-stock", "path: é"),
    ("id: integer", None),
    ("order: id", "order: name"), ("order: id", "order: 5"),
    ("times: {created: c, updated: u, synced: s}", "times: {created: c}"),
    ("times: {created: c, updated: u, synced: s}",
     "times: {updated: u, changed: v}"),
    ("times: {created: c, updated: u, synced: s}",
     "times: {created: u, updated: u}"),
    ("times: {created: c, updated: u, synced: s}",
     "times: {updated: state}"),
    ("times: {created: c, updated: u, synced: s}", "times: {updated: id}"),
    ("times: {created: c, updated: u, synced: s}", "times: [u]"),
    ("writers: [staff]", "writers: {a: b}"),
    ('filters: [{field: shop_id, doc: "Only this shop"}]',
     "filters: [{field: nonsense}]"),
    ('filters: [{field: shop_id, doc: "Only this shop"}]',
     'filters: [{field: shop_id, colour: red}]'),
    ("- {role: staff}", "- {field: keeper}"),
    ("- {role: staff}", "- {role: staff, colour: red}"),
    ("- {role: keeper, field: keeper}", "- {role: keeper, field: nonsense}"),
    ("- {role: keeper, field: keeper}",
     "- {role: keeper, through: nonsense, reference: a, field: b}"),
    ("- {role: keeper, field: keeper}",
     "- {role: keeper, through: shops, reference: name, field: name}"),
    ("- {role: keeper, field: keeper}",
     "- {role: keeper, through: shops, field: name}"),
    ("base: optional", "base: maybe"),
    ("history: 2", "history: -1"), ("history: 2", "history: x"),
    ("max_token_age: 60", "max_token_age: x"),
    ("max_token_age: 60", "max_token_age: -1"),
    ("- {name: shop_id, type: integer, references: shops}",
     "- {name: shop_id, type: integer, references: nonsense}"),
    ("- {name: shop_name, type: string, from: shop_id, show: name}",
     "- {name: shop_name, type: string, from: nonsense, show: name}"),
    ("- {name: shop_name, type: string, from: shop_id, show: name}",
     "- {name: shop_name, type: string, from: shop_id, show: nonsense}"),
    ("- {name: shop_name, type: string, from: shop_id, show: name}",
     "- {name: shop_name, type: string, from: state, show: name}"),
    ("- {name: shop_name, type: string, from: shop_id, show: name}",
     "- {name: shop_name, type: string, from: shop_id}"),
    ("- {name: state, type: enum, values: [A, B], writable: [any]}",
     "- {name: state, type: enum}"),
    ("- {name: state, type: enum, values: [A, B], writable: [any]}",
     "- {name: state, type: enum, values: []}"),
    ("- {name: state, type: enum, values: [A, B], writable: [any]}",
     "- {name: state, type: nonsense}"),
    ("- {name: state, type: enum, values: [A, B], writable: [any]}",
     "- {name: state, type: string, writable: yes-please}"),
    ("- {name: keeper, type: string, read_only: yes}",
     "- {name: keeper, type: string, read_only: maybe}"),
    ("- {name: keeper, type: string, read_only: yes}",
     "- {name: state, type: string}"),
    ("- {name: keeper, type: string, read_only: yes}",
     "- {name: id, type: string}"),
    ("- {name: store, type: json, hidden: yes}",
     "- {name: store, type: json, hidden: yes, colour: red}"),
    ("- {name: store, type: json, hidden: yes}", "- {type: json}")])
def test_a_mistake_is_named_with_file_and_line(tmp_path, old, new):
    if new is None:
        # The only key whose line stands twice.
        text = GOOD.replace("    id: integer\n    order",
                            "    id: uuid\n    order")
        refused(tmp_path, text, 12)
        return
    text, line = changed(old, new)
    refused(tmp_path, text, line)


@pytest.mark.parametrize("path", ["other", "shops"])
def test_a_path_that_is_not_the_names_is_named(tmp_path, path):
    """By the line of either."""
    text, line = changed("path: shop-stock", "path: " + path)
    done = tombolo("config", "check", "--config", config(tmp_path, text),
                   check=False)
    assert done.returncode != 0
    assert re.search(r"tombolo\.yaml:(%d|%d):" % (line - 1, line),
                     done.stderr), done.stderr


def test_two_collections_of_one_path_are_refused(tmp_path):
    text = GOOD.replace("name: shop_stock", "name: shops").replace(
        "path: shop-stock", "path: shops")
    refused(tmp_path, text, 10)


def test_times_that_are_not_named_have_the_contracts_names(tmp_path):
    text = GOOD.replace("    times: {updated: updated_at}\n", "")
    shown = tombolo("config", "show", "--config",
                    config(tmp_path, text)).stdout
    for name in ("created_at", "updated_at", "last_synced_at"):
        assert name in shown


def test_a_collection_without_a_path_is_no_resource(resources, rorg):
    for path in ("item/", "item/sync/"):
        assert_error(rorg.admin.get(path), 404, NOT_FOUND)


@pytest.mark.parametrize("name", ["clinic.yaml", "shop.yaml"])
def test_the_shipped_examples_are_good(name):
    tombolo("config", "check", "--config", ROOT / "examples" / name)


def test_the_shipped_clinic_declares_the_contracts_collections():
    shown = tombolo("config", "show", "--config",
                    ROOT / "examples" / "clinic.yaml").stdout
    for name in ("patients", "appointments", "pharmacy-inventory",
                 "doctors"):
        assert name in shown


# --- a declaration that changes ----------------------------------------------

@pytest.fixture
def own(tmp_path):
    s = Server(tmp_path, config=CONFIG)
    s.cli.init("main", "admin", ADMIN_PASSWORD)
    s.start()
    yield s
    s.stop()


def redeclare(server, *changes):
    """Restart the server with these parts of its file changed."""
    text = server.config.read_text()
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    assert server.stop() == 0
    server.config.write_text(text)
    server.start()


DOCTORS_RULE = "      - {role: doctor, field: doctor_id}\n"


def test_who_may_see_what_changes_with_the_declaration(own):
    org = ResourcesOrg(own)
    staff, doctor = org.staff(), org.user("doctor", 10)
    made = [staff.created("visits", doctor_id=d) for d in (10, 11, 10)]
    r = doctor.sync("visits")
    last, etag = r.headers["X-Last-Sync"], r.headers["ETag"]
    assert ids_of(r.json()) == [made[0]["id"], made[2]["id"]]
    redeclare(own, (DOCTORS_RULE, "      - {role: doctor}\n"))
    r = doctor.sync("visits", headers={"If-None-Match": etag})
    assert r.json() == made
    assert made[1] in doctor.records("visits", last)
    _, last = doctor.pull("visits")
    redeclare(own, ("      - {role: doctor}\n", DOCTORS_RULE))
    assert ids_of(doctor.records("visits")) == [made[0]["id"],
                                                made[2]["id"]]
    # There is no trace of what the declaration took out of sight.
    assert doctor.sync("visits", last, deleted=1).status_code == 410
    assert doctor.records("visits", last) == [made[0], made[2]]


def test_a_new_filter_finds_the_records_that_were_there(own):
    staff = ResourcesOrg(own).staff()
    made = [staff.created("things", name="n", note=n) for n in "ab"]
    assert staff.records("things", name="n") == made
    line = '      - {field: day, doc: "Only those of this day"}\n'
    redeclare(own, (line, line + "      - {field: code}\n"
                    "      - {field: name}\n"))
    assert staff.records("things", name="n") == made
    assert staff.records("things", name="m") == []


def test_a_field_that_is_declared_shows_what_was_undeclared(own):
    org = ResourcesOrg(own)
    site, staff = org.org.primary(), org.staff()
    site.pushed(site.record("shops", "s-1", {"name": "n", "zone": "north"}))
    before, = staff.records("shops")
    assert before["zone"] == "north"
    text = "      - {name: name, type: string}\n  - name: shop_stock\n"
    redeclare(own, (text, "      - {name: zone, type: string}\n" + text))
    after, = staff.records("shops")
    assert list(after)[:3] == ["id", "zone", "name"]
    assert after["id"] == before["id"]


def test_a_collection_becomes_a_resource_with_what_sites_pushed(own):
    org = ResourcesOrg(own)
    site, staff = org.org.primary(), org.staff()
    site.pushed(*[site.record("item", "i-%d" % n, {"name": str(n)})
                  for n in range(5)])
    assert staff.get("item/sync/").status_code == 404
    redeclare(own, ("  - name: item\n    route: central\n",
                    "  - name: item\n    path: item\n    id: integer\n"
                    "    route: central\n    times: {updated: updated_at}\n"
                    "    visible: [{role: any}]\n    fields:\n"
                    "      - {name: name, type: string}\n"))
    got = staff.records("item")
    assert sorted(r["name"] for r in got) == list("01234")
    assert len({r["id"] for r in got}) == 5
    site.pushed(site.record("item", "i-9", {"name": "9"}))
    assert staff.records("item")[-1]["name"] == "9"


def test_a_change_that_the_data_contradicts_is_reported_and_not_done(own):
    """The collection stays as it was declared before, and the log says
    which records stand against it."""
    org = ResourcesOrg(own)
    staff = org.staff()
    made = staff.created("tags", id="a", label="no number")
    line = "      - {name: label, type: string, writable: [any]}\n"
    redeclare(own, (line, line.replace("string", "integer")))
    assert staff.records("tags") == [made]
    got = object_of(staff.patch("tags", "a", label="a text"))
    assert got["label"] == "a text"
    told = [x for x in own.log() if "tags" in str(x)]
    assert any(x.get("level") in ("warn", "error") for x in told), told


def test_a_restart_with_the_same_declaration_changes_nothing(own):
    staff = ResourcesOrg(own).staff()
    staff.created("things", name="n")
    r = staff.sync("things")
    own.restart()
    again = staff.sync("things", headers={"If-None-Match": r.headers["ETag"]})
    assert again.status_code == 304


def test_settings_of_the_resources_are_shown_with_their_defaults():
    shown = tombolo("config", "show").stdout
    part = shown[shown.index("\nresources:\n"):]
    for name, value in (("access_life_s", "3600"),
                        ("refresh_life_s", "604800"), ("page_max", ""),
                        ("deleted_days", "")):
        assert "  %s: %s" % (name, value) in part
