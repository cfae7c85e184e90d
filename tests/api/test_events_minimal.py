"""The cursor of a post with a minimal answer: whoever keeps it misses nothing
of others, and need not fetch what is their own."""

import random
import threading

import pytest

from events import (LENIENT, MINIMAL, EventsOrg, event, events, events_of,
                    uuids)


@pytest.fixture
def org(server):
    return EventsOrg(server)


@pytest.fixture
def user(org):
    return org.user()


def post(client, batch, cursor=None, prefer=MINIMAL):
    """Post with a minimal answer; the cursor."""
    params = {} if cursor is None else {"after": cursor}
    r = client.post(batch, prefer, **params)
    assert r.status_code == 200, r.text
    return r.headers["X-Events-Cursor"]


def test_without_after_it_is_the_end_of_the_history(org):
    one, two = org.users(2)
    two.posted(*events(3))
    cursor = post(one, events(2))
    assert one.page(cursor) == ([], cursor, False)
    two.posted(event("new"))
    assert uuids(one.page(cursor)[0]) == ["new"]


def test_over_ones_own_events_it_goes_on(org):
    one, two = org.users(2)
    two.posted(*events(3))
    cursor = one.page()[1]
    for n in range(4):
        cursor = post(one, events(n), cursor)
        assert one.page(cursor)[0] == []
    two.posted(event("new"))
    assert uuids(one.page(cursor)[0]) == ["new"]


def test_it_stays_where_others_events_lie_between(org):
    one, two = org.users(2)
    cursor = one.page()[1]
    two.posted(event("b"))
    assert post(one, [event("a")], cursor) == cursor
    assert uuids(one.page(cursor)[0]) == ["b", "a"]
    assert post(one, [event("c")], cursor) == cursor
    assert uuids(one.page(cursor)[0]) == ["b", "a", "c"]


def test_from_the_beginning_it_goes_over_ones_own_only(org):
    one, two = org.users(2)
    cursor = post(one, events(3), "0")
    assert one.page(cursor)[0] == []
    assert uuids(two.page(post(two, [event("x")], "0"))[0])[-1] == "x"
    assert len(two.page(post(two, [event("y")], "0"))[0]) == 5


def test_a_retry_leads_to_nothing_that_was_not_seen(org):
    one, two = org.users(2)
    cursor, batch = one.page()[1], events(2)
    post(one, batch, cursor)
    two.posted(event("b"))
    later = post(one, batch, cursor)
    assert "b" in uuids(one.page(later)[0])


def test_nothing_posted_moves_nothing_over_others(org):
    one, two = org.users(2)
    cursor = one.page()[1]
    two.posted(event("b"))
    later = post(one, [], cursor)
    assert uuids(one.page(later)[0]) == ["b"]


def test_a_retry_at_an_old_cursor_is_no_way_back(org):
    """What was there before the cursor stays behind it."""
    one, two = org.users(2)
    batch = events(2)
    post(one, batch, "0")
    two.posted(event("b"))
    cursor = one.page()[1]
    cursor = post(one, batch, cursor)
    assert one.page(cursor)[0] == []
    two.posted(event("c"))
    assert uuids(one.page(cursor)[0]) == ["c"]


def test_lenient_posts_keep_to_it_as_well(org):
    one, two = org.users(2)
    both = "%s, %s" % (LENIENT, MINIMAL)
    cursor = one.page()[1]
    cursor = post(one, [event(), {}, event()], cursor, both)
    assert one.page(cursor)[0] == []
    two.posted(event("b"))
    assert post(one, [event("a"), {}], cursor, both) == cursor
    assert uuids(one.page(cursor)[0]) == ["b", "a"]


def test_a_full_answer_leads_to_its_end(org):
    one, two = org.users(2)
    cursor = one.page()[1]
    two.posted(event("b"))
    r = one.post([event("a")], after=cursor)
    assert uuids(events_of(r)) == ["b", "a"]
    assert one.page(r.headers["X-Events-Cursor"])[0] == []


class Keeper:
    """A client that keeps the cursor of whatever it did last."""

    def __init__(self, client):
        self.client, self.cursor = client, client.page()[1]
        self.own, self.others = set(), []

    def read(self, limit=None):
        part, self.cursor, resync = self.client.page(self.cursor, limit)
        assert not resync
        self.others += [e["uuid"] for e in part
                        if e["userUuid"] != self.client.uuid]
        return part

    def post(self, batch):
        self.cursor = post(self.client, batch, self.cursor)
        self.own |= set(uuids(batch))

    def assert_complete(self, history):
        """All of the others' events, once each and in their order."""
        while self.read():
            pass
        assert self.others == [e["uuid"] for e in history
                               if e["userUuid"] != self.client.uuid]
        assert self.own == {e["uuid"] for e in history
                            if e["userUuid"] == self.client.uuid}


@pytest.mark.parametrize("seed", range(8))
def test_who_keeps_it_misses_nothing_of_others_and_doubles_nothing(org,
                                                                   seed):
    rnd = random.Random(seed)
    keepers = [Keeper(c) for c in org.users(3)]
    for _ in range(80):
        k = rnd.choice(keepers)
        if rnd.random() < 0.4:
            k.read(rnd.choice([None, 1, 3]))
        else:
            again = [event(u) for u in rnd.sample(sorted(k.own), min(
                len(k.own), rnd.randrange(3)))]
            k.post(again + events(rnd.randrange(4)))
    history = org.history()
    for k in keepers:
        k.assert_complete(history)


def test_the_same_with_posts_at_the_same_time(org):
    keepers = [Keeper(c) for c in org.users(4)]
    start, failed = threading.Barrier(4), []

    def work(k):
        try:
            start.wait()
            for n in range(25):
                k.post(events(2))
                if n % 4 == 0:
                    k.read()
        except BaseException as e:
            failed.append(e)
            raise
    threads = [threading.Thread(target=work, args=(k,)) for k in keepers]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failed
    history = org.history()
    assert len(history) == 200
    for k in keepers:
        k.assert_complete(history)


def test_who_posts_alone_never_fetches_its_own(user):
    k = Keeper(user)
    for _ in range(10):
        k.post(events(3))
        assert k.read() == []
