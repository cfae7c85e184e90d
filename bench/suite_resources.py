"""The resources API: downloads of a whole collection, what changed in it, what
did not, and edits."""

import gzip
import statistics

import clinic
from clinic import BRACES, COLLECTION, LIST, Clinic
from measure import (MILLION, QUICK, REPEATS, against_constant, bare_walk,
                     processor_us, ratios, written_against_loop)
from report import Line
from servers import SERVER_CORE, load

CHANGES = 100
FEW, EDITED = 10000, 100000
# Addresses that are asked for in turn.
TURNS = 50
# Rows of records that an edit makes: the record, and what a repetition of the
# edit is known by.
EDIT_ROWS = 2


# ---- nothing changed ----

def unchanged(suite):
    """Who has all of it asks again with its ETag."""
    with Clinic(clinic.filled(suite, MILLION), SERVER_CORE) as t:
        user = t.user()
        got, _ = t.must("GET", LIST, dict(user, **{"If-None-Match": "*"}),
                        want=304)
        return against_constant(
            suite, t, "304 to who has all of 1 million records", 0.6, LIST,
            dict(user, **{"If-None-Match": got["ETag"]}), 304)


def nothing_since(suite):
    with Clinic(clinic.filled(suite, MILLION), SERVER_CORE) as t:
        user = t.user()
        url = clinic.since(t.last_sync(user))
        t.must("GET", url, user)
        done, us = processor_us(t, lambda: load(
            "get", t.port, headers=user, url=url, connections=16,
            seconds=1 if QUICK else 3, spin=1))
    return [Line("nothing since the last sync of 1 million records, one core",
                 "answers/s", done["requests_per_s"]),
            Line("the same in processor time of an answer", "us", us)]


# ---- what changed ----

def edit(t, user, records, seed, **options):
    """Edits of records, each once, by one who has all of them."""
    return load("edit", t.port, headers=user, url=COLLECTION, count=records,
                base=t.last_sync(user), seed=seed, **options)


def change_some(t, user, records):
    """Edits some records all over the collection; addresses that ask for
    them, each at a time of its own."""
    before = t.last_sync(user)
    edit(t, user, records, 1, total=CHANGES)
    return [clinic.since(clinic.later(before, i)) for i in range(TURNS)]


def increment_ms(t, user, urls):
    _, us = processor_us(t, lambda: load(
        "stream", t.port, headers=user, url=urls, count=CHANGES,
        braces=BRACES, connections=4, seconds=1 if QUICK else 3))
    return us / 1000


def increments(suite):
    """The cost of an increment must not depend on how much there is besides.
    """
    many, few = (suite.copy(clinic.filled(suite, n), "changed")
                 for n in (MILLION, FEW))
    with Clinic(many, SERVER_CORE) as t, Clinic(few, SERVER_CORE) as s:
        asked = [(server, user, change_some(server, user, n))
                 for server, user, n in ((t, t.user(), MILLION),
                                         (s, s.user(), FEW))]
        a, b, ratio = ratios(REPEATS, lambda: increment_ms(*asked[0]),
                             lambda: increment_ms(*asked[1]))
    for data in (many, few):
        suite.drop(data)
    return [Line("100 changes of 1 million records, processor time of an "
                 "answer; of 10 thousand", "ms", a, b, ratio, ceiling=2),
            Line("100 changes of 10 thousand records, processor time of an "
                 "answer", "ms", b, ceiling=2)]


# ---- all of it, and one ----

def download(t, user, **options):
    return load("stream", t.port, headers=user, url=LIST, braces=BRACES,
                each=1, **options)


def whole(suite):
    """Downloads of everything: one after the other, then four at once."""
    data = clinic.filled(suite, MILLION)
    with Clinic(data, SERVER_CORE) as t:
        user = t.user()
        before = t.memory_bytes("VmRSS")
        t.forget_peak()
        runs, rows = [], []
        for _ in range(REPEATS):
            runs.append(processor_us(
                t, lambda: download(t, user, count=MILLION)))
            rows.append(bare_walk(data, (0, MILLION), MILLION))
        one = t.memory_bytes("VmHWM") - before
        download(t, user, count=MILLION, connections=4)
        four = t.memory_bytes("VmHWM") - before
    us = statistics.median(us for _, us in runs)
    bare = statistics.median(rows)
    seconds = statistics.median(done["seconds"] for done, _ in runs)
    first_us = statistics.median(done["first_max_us"] for done, _ in runs)
    return [Line("download of 1 million records of 200 bytes, in a second of "
                 "the server's processor time; bare join", "records",
                 MILLION * 1e6 / us, bare, MILLION * 1e6 / us / bare,
                 floor=MILLION),
            Line("the same, until the client has it, one core", "records/s",
                 MILLION / seconds),
            Line("the first bytes of it", "ms", first_us / 1000),
            Line("growth of the server by one such answer", "MB", one / 1e6,
                 ceiling=50),
            Line("growth of the server by four at once", "MB", four / 1e6,
                 ceiling=50)]


def whole_gzip(suite):
    with Clinic(clinic.filled(suite, MILLION), SERVER_CORE) as t:
        user = dict(t.user(), **{"Accept-Encoding": "gzip"})
        got, body = t.must("GET", LIST, user)
        if (got["Content-Encoding"] != "gzip" or
                gzip.decompress(body).count(b"{") != BRACES * MILLION):
            raise RuntimeError("a packed answer is wrong")
        us = statistics.median(processor_us(t, lambda: download(t, user))[1]
                               for _ in range(REPEATS))
    return [Line("download of 1 million records with gzip, in a second of the "
                 "server's processor time", "records", MILLION * 1e6 / us)]


def single(suite):
    """One record at a time, all over the collection."""
    step = MILLION // TURNS
    urls = [COLLECTION + "%d/" % (1 + i * step) for i in range(TURNS)]
    with Clinic(clinic.filled(suite, MILLION), SERVER_CORE) as t:
        user = t.user()
        done, us = processor_us(t, lambda: load(
            "get", t.port, headers=user, url=urls, connections=16,
            seconds=1 if QUICK else 3))
    return [Line("GET of one of 1 million records, one core", "answers/s",
                 done["requests_per_s"]),
            Line("the same in processor time of an answer", "us", us)]


# ---- edits ----

def edit_against_loop(suite, what, target, connections, total, group):
    def write(t, seed):
        return edit(t, t.user(), EDITED, seed, core=None, total=total,
                    connections=connections)["records_per_s"]

    a, b, ratio = written_against_loop(
        suite, write, group, data=clinic.filled(suite, EDITED), serve=Clinic,
        each=EDIT_ROWS)
    return [Line(what, "edits/s", a, b, ratio, target)]


def edit_singles(suite):
    return edit_against_loop(
        suite, "sync_update, 64 connections; bare loop committing 64 of them",
        0.25, 64, 20000 if QUICK else EDITED, 64)


def edit_single(suite):
    return edit_against_loop(
        suite, "sync_update, 1 connection; bare loop committing 1 of them",
        None, 1, 2000 if QUICK else 10000, 1)


STEPS = [unchanged, nothing_since, increments, whole, whole_gzip, single,
         edit_singles, edit_single]
