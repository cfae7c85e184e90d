"""Pause, resume, purge, cancel and retry: what each does in each state, and
that of two who want the same one wins."""

import pytest

from harness import at_the_same_time
from jobs import (FAR, FINISHED, NOT_FAILED, NOT_FINISHED, NOT_FOUND,
                  NOT_PAUSED, PAUSED_ALREADY, UNFINISHED, JobsOrg,
                  assert_error, config, controlled, ended_of, seconds)
from jobs_source import Sources, Status

ROUNDS = 30
METHODS = ["GET", "POST"]
both_methods = pytest.mark.parametrize("method", METHODS)


@pytest.fixture(scope="module")
def sources():
    s = Sources(12)
    yield s
    s.close()


@pytest.fixture(scope="module")
def server(sources, serve):
    """One worker, so that what it does next tells what it did before."""
    return serve(config(sources, workers=1, page_tries=1, backoff_max_s=1))


@pytest.fixture
def org(server):
    o = JobsOrg(server)
    yield o
    o.end()


@pytest.fixture
def user(org):
    return org.user


@pytest.fixture
def take(sources):
    """Gives shelves to tests that want more than one."""
    taken = []

    def take_one(count=4):
        taken.append(sources.take())
        taken[-1].page_size = 1
        taken[-1].fill(count)
        return taken[-1]
    yield take_one
    for s in taken:
        s.release()


@pytest.fixture
def shelf(take):
    return take()


def in_state(user, shelf, state, name="job"):
    """A job that is, and stays, in a state; its id."""
    if state in ("queued", "paused", "cancelled"):
        job_id = user.waiting(shelf, name)["id"]
        if state == "paused":
            user.paused(name)
        if state == "cancelled":
            user.cancelled(job_id)
        return job_id
    if state == "active":
        hold = shelf.hold(page=2)
        job_id = user.queued(shelf, name)["id"]
        hold.wait()
        user.wait(job_id, "active")
        return job_id
    if state == "completed":
        return user.ran(shelf, name)["id"]
    assert state == "failed"
    shelf.spoil(Status(401))
    return user.failed(user.queued(shelf, name)["id"])["id"]


def status_of(state):
    return "failed" if state == "cancelled" else state


ENDED = ["completed", "failed", "cancelled"]


# --- pause and resume --------------------------------------------------------

@both_methods
def test_pause_and_resume_one_that_is_queued(user, shelf, method):
    job_id = in_state(user, shelf, "queued")
    job = user.paused("job", method)
    assert (job["id"], job["name"], job["status"], job["progress"]) \
        == (job_id, "job", "paused", 0)
    listed = user.job(job_id)
    assert listed["status"] == "paused"
    assert listed["pausedAt"] == job["pausedAt"] >= listed["queuedAt"]
    job = user.resumed("job", method)
    assert (job["id"], job["status"]) == (job_id, "queued")
    assert user.job(job_id)["resumedAt"] == job["resumedAt"]


@both_methods
def test_pause_and_resume_one_that_is_active(org, user, take, method):
    """It keeps its progress, stores nothing while it is paused, and goes on
    where it was."""
    shelf, other = take(), take(1)
    hold = shelf.hold(page=3)
    job_id = user.queued(shelf, "job")["id"]
    hold.wait()
    user.at_progress(job_id, 50)
    job = user.paused("job", method)
    assert (job["status"], job["progress"]) == ("paused", 50)
    before = org.records()
    assert sorted(before) == ["r0", "r1"]
    hold.release()
    # The only worker comes to another job when it has done with this one.
    user.ran(other)
    assert org.records() == before
    assert (user.job(job_id)["status"], user.job(job_id)["progress"]) \
        == ("paused", 50)
    assert user.job(job_id)["records"]["written"] == 2
    shelf.asked.clear()
    job = user.resumed("job", method)
    assert (job["status"], job["progress"]) == ("active", 50)
    assert "estimatedCompletion" in job
    done = user.done(job_id)
    assert shelf.pages() == [3, 4]
    assert done["records"]["read"] == 4


def test_nothing_is_written_once_pause_was_answered(org, user, take):
    """In any moment of a run: the records of one that was paused stay as
    they were when the answer came."""
    shelf, other = take(400), take(1)
    for n in range(10):
        name = "job-%d" % n
        job_id = user.queued(shelf, name)["id"]
        user.wait(job_id, "active", accept=lambda j: j["records"]["read"])
        user.paused(name)
        before = org.export()
        job = user.job(job_id)
        user.ran(other, "probe-%d" % n)
        after = [x for x in org.export() if '"recordID":"r0"' not in x]
        assert after == [x for x in before if '"recordID":"r0"' not in x]
        assert user.job(job_id)["records"] == job["records"]
        assert user.job(job_id)["status"] == "paused"
        user.cancelled(job_id)
        shelf.fill(400, n=n)  # Each run has something to write.


@both_methods
def test_pausing_one_that_is_paused_is_409(user, shelf, method):
    job_id = in_state(user, shelf, "paused")
    before = user.job(job_id)
    assert_error(user.pause("job", method), 409, PAUSED_ALREADY)
    assert user.job(job_id) == before


@both_methods
@pytest.mark.parametrize("state", ["queued", "active"])
def test_resuming_one_that_is_not_paused_is_409(user, shelf, method, state):
    in_state(user, shelf, state)
    assert_error(user.resume("job", method), 409, NOT_PAUSED)


@both_methods
@pytest.mark.parametrize("state", ENDED)
def test_one_that_is_finished_is_not_found(user, shelf, method, state):
    job_id = in_state(user, shelf, state)
    before = user.job(job_id)
    assert_error(user.pause("job", method), 404, NOT_FOUND)
    assert_error(user.resume("job", method), 404, NOT_FOUND)
    assert user.job(job_id) == before


@both_methods
def test_a_name_that_is_unknown_is_not_found(user, shelf, method):
    in_state(user, shelf, "queued")
    for name in ("nothing", "JOB", "job ", "jo", "%"):
        assert_error(user.pause(name, method), 404, NOT_FOUND)
        assert_error(user.resume(name, method), 404, NOT_FOUND)


def test_a_name_means_the_job_that_is_unfinished(user, shelf):
    for _ in range(2):
        user.cancelled(user.waiting(shelf, "job")["id"])
    job = user.waiting(shelf, "job")
    assert user.paused("job")["id"] == job["id"]


def test_again_and_again(user, shelf):
    job_id = in_state(user, shelf, "queued")
    for n in range(20):
        assert user.paused("job", METHODS[n % 2])["id"] == job_id
        assert user.resumed("job", METHODS[n % 2])["id"] == job_id


def test_pause_outlives_kill_9(server, org, user, shelf):
    hold = shelf.hold(page=3)
    job_id = user.queued(shelf, "job")["id"]
    hold.wait()
    user.at_progress(job_id, 50)
    paused = user.paused("job")
    server.restart(hard=True)
    hold.release()
    job = user.job(job_id)
    assert (job["status"], job["progress"], job["pausedAt"]) \
        == ("paused", 50, paused["pausedAt"])
    user.ran(shelf, "probe")
    assert user.job(job_id)["status"] == "paused"
    shelf.asked.clear()
    user.resumed("job")
    user.done(job_id)
    assert shelf.pages() == [3, 4]


# --- how they answer ---------------------------------------------------------

CONTROL = ["/sync/pause/job", "/sync/resume/job", "/sync/purge"]


@pytest.mark.parametrize("path", CONTROL)
def test_head_is_405_and_changes_nothing(user, shelf, path):
    job_id = in_state(user, shelf,
                      "paused" if "resume" in path else "queued")
    ended = in_state(user, shelf, "cancelled", "ended")
    before = user.job(job_id), user.job(ended)
    answer = user.ask("HEAD", path)
    assert answer.status_code == 405 and answer.content == b""
    allowed = {x.strip() for x in answer.headers["Allow"].split(",")}
    assert allowed == {"GET", "POST"}
    assert before == (user.job(job_id), user.job(ended))


@pytest.mark.parametrize("path", CONTROL)
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_405(user, path, method):
    answer = user.ask(method, path)
    assert_error(answer, 405)
    allowed = {x.strip() for x in answer.headers["Allow"].split(",")}
    assert allowed == {"GET", "POST"}


@both_methods
def test_no_answer_is_kept(user, shelf, method):
    """Neither a good one nor an error."""
    in_state(user, shelf, "queued")
    for answer in (user.pause("job", method), user.pause("job", method),
                   user.resume("job", method), user.resume("x", method),
                   user.purge(method)):
        assert answer.headers["Cache-Control"] == "no-store"
        assert "ETag" not in answer.headers


@both_methods
def test_a_body_is_of_no_effect(user, shelf, method):
    in_state(user, shelf, "queued")
    for body in ("", "{}", '{"name":"other"}'):
        answer = user.ask(method, "/sync/pause/job", body)
        controlled(answer, "paused", method)
        user.resumed("job")


# --- of two requests for the same, one wins ----------------------------------

def race(user, ask, count=3):
    """What `ask(client, n)` gave to clients that asked at once."""
    clients = [user.again() for _ in range(count)]

    def rounds():
        return at_the_same_time(lambda n: ask(clients[n], n), count)
    return rounds


def one_wins(answers, good, refusal):
    """Exactly one has `good`, the others the refusal."""
    won = [a for a in answers if a.status_code in good]
    assert len(won) == 1, [a.text for a in answers]
    for a in answers:
        if a is not won[0]:
            assert_error(a, 409, refusal)
    return won[0]


def test_pause_and_resume_at_once(user, shelf):
    in_state(user, shelf, "queued")
    pause = race(user, lambda c, n: c.pause("job", METHODS[n % 2]))
    resume = race(user, lambda c, n: c.resume("job", METHODS[n % 2]))
    for _ in range(ROUNDS):
        one_wins(pause(), (200, 201), PAUSED_ALREADY)
        one_wins(resume(), (200, 201), NOT_PAUSED)


def test_pause_at_once_of_one_that_is_active(user, shelf):
    """And what is stored by then stays what it is."""
    job_id = in_state(user, shelf, "active")
    pause = race(user, lambda c, n: c.pause("job"))
    resume = race(user, lambda c, n: c.resume("job"))
    for _ in range(ROUNDS):
        one_wins(pause(), (201,), PAUSED_ALREADY)
        one_wins(resume(), (201,), NOT_PAUSED)
    shelf.release()
    assert user.done(job_id)["records"]["read"] == 4


def test_cancel_at_once(user, shelf):
    cancel = race(user, lambda c, n: c.cancel(job_id))
    for n in range(ROUNDS):
        job_id = user.waiting(shelf, "job-%d" % n)["id"]
        one_wins(cancel(), (201,), FINISHED)


def test_retry_at_once(user, shelf):
    """One is queued again, and it runs once."""
    retry = race(user, lambda c, n: c.retry(job_id))
    for n in range(5):
        job_id = in_state(user, shelf, "failed", "job-%d" % n)
        answers = retry()
        won = [a for a in answers if a.status_code == 201]
        assert len(won) == 1, [a.text for a in answers]
        for a in answers:
            if a is not won[0]:
                assert_error(a, 409)
        user.done(job_id)
    assert user.counts() == (0, 5, 0)


def test_purge_at_once(user, shelf):
    """Each job that was removed is counted once."""
    purge = race(user, lambda c, n: c.purge(METHODS[n % 2]))
    for n in range(8):
        for k in range(4):
            in_state(user, shelf, "cancelled", "job-%d-%d" % (n, k))
        total = 0
        for answer in purge():
            assert answer.status_code in (200, 201), answer.text
            total += answer.json()["purgedJobs"]["failed"]
        assert total == 4
    assert user.all_jobs() == []


def test_pause_against_cancel_and_completion(user, take):
    """Whoever comes first: the job ends in the state of the last good
    answer."""
    shelf = take(1)
    clients = [user.again() for _ in range(2)]
    for n in range(ROUNDS):
        name = "job-%d" % n
        job_id = user.waiting(shelf, name)["id"]
        paused, cancelled = at_the_same_time(
            lambda i, a=name, b=job_id: clients[0].pause(a) if i == 0
            else clients[1].cancel(b))
        ended_of(cancelled, "cancelled successfully")
        if paused.status_code == 404:
            assert_error(paused, 404, NOT_FOUND)
        else:
            controlled(paused, "paused", "POST")
        assert user.job(job_id)["status"] == "failed"
        name = "run-%d" % n
        job_id = user.queued(shelf, name)["id"]
        paused = user.pause(name)
        if paused.status_code == 404:
            assert user.job(job_id)["status"] == "completed"
            continue
        controlled(paused, "paused", "POST")
        assert user.job(job_id)["status"] == "paused"
        user.resumed(name)
        user.done(job_id)


# --- cancel and retry --------------------------------------------------------

@pytest.mark.parametrize("state", UNFINISHED)
def test_cancel_ends_one_that_is_unfinished(user, shelf, state):
    job_id = in_state(user, shelf, state)
    job = user.cancelled(job_id)
    assert (job["id"], job["status"]) == (job_id, "failed")
    assert job["error"]["code"] == "cancelled"
    listed = user.job(job_id)
    assert listed["status"] == "failed" and listed["error"] == job["error"]
    assert listed["failedAt"] >= listed["queuedAt"]
    assert user.counts() == (0, 0, 1)
    user.waiting(shelf, "job")


def test_one_that_is_cancelled_writes_no_more(org, user, take):
    shelf, other = take(), take(1)
    hold = shelf.hold(page=3)
    job_id = user.queued(shelf, "job")["id"]
    hold.wait()
    user.at_progress(job_id, 50)
    user.cancelled(job_id)
    hold.release()
    user.ran(other)
    assert sorted(org.records()) == ["r0", "r1"]
    run, = user.job(job_id)["runs"]
    assert run["status"] == "cancelled"
    assert seconds(run["endedAt"]) >= seconds(run["startedAt"])


@pytest.mark.parametrize("state", ENDED)
def test_cancel_of_one_that_is_finished_is_409(user, shelf, state):
    job_id = in_state(user, shelf, state)
    before = user.job(job_id)
    assert_error(user.cancel(job_id), 409, FINISHED)
    assert user.job(job_id) == before


@pytest.mark.parametrize("state", UNFINISHED + ["completed"])
def test_retry_of_one_that_has_not_failed_is_409(user, shelf, state):
    job_id = in_state(user, shelf, state)
    assert_error(user.retry(job_id), 409, NOT_FAILED)
    assert user.job(job_id)["status"] == status_of(state)


def test_a_failed_one_waits_and_goes_on_where_it_was(org, user, shelf):
    """After its last retry nothing is tried again until somebody says so."""
    shelf.spoil(Status(500), page=3, times=2)
    job_id = user.queued(shelf, "job", options={"maxRetries": 1})["id"]
    job = user.failed(job_id)
    assert (job["attempt"], job["progress"]) == (2, 50)
    assert job["error"]["code"] != "cancelled"
    assert shelf.pages() == [1, 2, 3, 3]
    user.ran(shelf, "probe")
    assert user.job(job_id) == job
    shelf.asked.clear()
    again = user.retried(job_id)
    assert (again["id"], again["status"]) == (job_id, "queued")
    job = user.done(job_id)
    assert shelf.pages() == [3, 4]
    assert len(org.records()) == 4
    assert user.counts() == (0, 2, 0)


def test_a_cancelled_one_can_be_tried_again(user, shelf):
    hold = shelf.hold(page=3)
    job_id = user.queued(shelf, "job")["id"]
    hold.wait()
    user.at_progress(job_id, 50)
    user.cancelled(job_id)
    hold.release()
    asked = len(shelf.asked)
    user.retried(job_id)
    user.done(job_id)
    assert shelf.pages()[-2:] == [3, 4]
    assert not {1, 2} & set(shelf.pages()[asked:])


@pytest.mark.parametrize("repeat", [None, "daily"])
def test_retry_before_its_time_waits_for_it(user, shelf, repeat):
    """Nothing runs before startAt."""
    job_id = user.waiting(shelf, "job", startAt=FAR, repeat=repeat)["id"]
    user.cancelled(job_id)
    assert user.retried(job_id)["nextRunAt"] == FAR
    job = user.job(job_id)
    assert (job["status"], job["nextRunAt"]) == ("queued", FAR)
    assert shelf.asked == []


def test_retry_while_the_name_is_in_use_is_409(user, shelf):
    job_id = in_state(user, shelf, "cancelled")
    other = in_state(user, shelf, "queued")
    assert_error(user.retry(job_id), 409, NOT_FINISHED)
    assert user.job(job_id)["status"] == "failed"
    user.cancelled(other)
    user.retried(job_id)


@pytest.mark.parametrize("job_id", ["nothing", "job0", "job999999", "0",
                                    "-1", "job", "job1x", "job01", "%2F",
                                    "9" * 100, "job" + "9" * 30])
def test_an_id_that_is_none_is_404(user, shelf, job_id):
    in_state(user, shelf, "queued")
    for method, path in (("GET", ""), ("POST", "/cancel"),
                         ("POST", "/retry")):
        answer = user.ask(method, "/sync/jobs/%s%s" % (job_id, path))
        assert_error(answer, 404, NOT_FOUND)


# --- purge -------------------------------------------------------------------

@both_methods
def test_purge_removes_what_is_finished(user, shelf, method):
    gone = [in_state(user, shelf, state, "%s-%d" % (state, n))
            for state in ENDED for n in range(2)]
    kept = [in_state(user, shelf, state, state)
            for state in ("queued", "paused")]
    before = [user.job(k) for k in kept]
    assert user.counts() == (2, 2, 4)
    assert user.purged(method) == {"completed": 2, "failed": 4}
    for job_id in gone:
        assert_error(user.ask("GET", "/sync/jobs/" + job_id), 404, NOT_FOUND)
        assert_error(user.retry(job_id), 404, NOT_FOUND)
    assert [user.job(k) for k in kept] == before
    assert user.counts() == (2, 0, 0)
    assert sorted(j["id"] for j in user.all_jobs()) == sorted(kept)
    assert user.purged(method) == {"completed": 0, "failed": 0}


def test_purge_is_of_one_org(server, user, shelf):
    other = JobsOrg(server)
    mine = in_state(user, shelf, "completed")
    theirs = in_state(other.user, shelf, "completed")
    assert other.user.purged() == {"completed": 1, "failed": 0}
    assert user.job(mine)["status"] == "completed"
    assert user.counts() == (0, 1, 0)
    assert_error(other.user.ask("GET", "/sync/jobs/" + theirs), 404)


def test_an_active_one_is_not_purged(user, shelf):
    job_id = in_state(user, shelf, "active")
    assert user.purged() == {"completed": 0, "failed": 0}
    shelf.release()
    user.done(job_id)


def test_an_id_is_not_given_again(user, shelf):
    seen = set()
    for n in range(5):
        job_id = in_state(user, shelf, "cancelled", "job-%d" % n)
        assert job_id not in seen
        seen.add(job_id)
        user.purged()


def test_purge_of_very_many(user, shelf):
    """More than one commit would take."""
    count = 600
    for n in range(count):
        user.cancel(user.waiting(shelf, "job-%d" % n)["id"])
    assert user.purged() == {"completed": 0, "failed": count}
    assert user.counts() == (0, 0, 0)
    assert user.all_jobs() == []
