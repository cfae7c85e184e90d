"""The audit trail of the resources API: a row for each write, in its commit;
reads and refusals are added up; chains that verify, and nothing secret."""

import pytest

from resources import ResourcesOrg, object_of
from test_audit import SUMMARIES_MAX, databases, rows

COUNT = 30


@pytest.fixture
def staff(rorg):
    user = rorg.staff()
    assert user.token
    user.records("things")
    return user


def assert_rows(server, before, count):
    assert count <= rows(server.data) - before <= count + SUMMARIES_MAX


def test_each_write_is_a_row(staff, resources):
    before = rows(resources.data)
    for n in range(COUNT):
        made = staff.created("things", name=str(n))
        made = staff.updated("things", made, note="x")
        object_of(staff.patch("things", made["id"], note="y"))
        object_of(staff.replace("things", made["id"], name="z"))
        staff.deleted("things", made["id"])
    assert_rows(resources, before, 5 * COUNT)


def test_each_conflict_is_a_row(staff, resources):
    made = staff.created("things", name="n")
    staff.updated("things", made, note="x")
    before = rows(resources.data)
    for n in range(COUNT):
        assert staff.update("things", made["id"], made["updated_at"],
                            note=str(n)).status_code == 409
    assert_rows(resources, before, COUNT)


def test_reads_and_refusals_are_added_up(staff, resources):
    made = staff.created("things", name="n")
    before = rows(resources.data)
    for _ in range(COUNT):
        staff.records("things")
        staff.records("things", made["updated_at"])
        assert staff.sync("things", "x").status_code == 400
        assert staff.one("things", 10 ** 6).status_code == 404
        assert staff.update("things", made["id"], made["updated_at"],
                            state="zzz").status_code == 400
    assert_rows(resources, before, 0)


def test_the_chains_verify_and_no_token_or_password_is_kept(staff,
                                                            resources):
    access, refresh = staff.pair()
    pair = object_of(staff.refresh(refresh))
    made = staff.created("things", name="n")
    staff.deleted("things", made["id"])
    resources.cli.audit_verify()
    resources.cli.check()
    for path in databases(resources.data):
        kept = path.read_bytes()
        wal = path.with_name(path.name + "-wal")
        if wal.exists():
            kept += wal.read_bytes()
        for secret in (access, refresh, pair["access"], pair["refresh"],
                       staff.password):
            assert secret.encode() not in kept
    log = resources.log_path.read_text()
    for secret in (access, refresh, pair["refresh"], staff.password):
        assert secret not in log


def test_orgs_have_chains_of_their_own(resources):
    for _ in range(2):
        org = ResourcesOrg(resources)
        org.staff().created("things", name="n")
    assert resources.cli.audit_verify().returncode == 0
