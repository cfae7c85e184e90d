"""The jobs API: jobs that are queued, run, and wait, and what they bring in.

- queue_jobs: one job a request, each on disk before it is answered, while no
  worker runs; the same requests to a service that is BullMQ behind node's own
  HTTP server, on a Redis that syncs as well (appendfsync always). Besides, with
  no HTTP on the other side: BullMQ's Queue.add, called as often at once within
  one process of node; and the bare loop that writes the same rows, of as many
  jobs in a commit.
- run_jobs: jobs that were queued before and read an empty file, by as many
  workers, from the start of the process until all are counted as completed;
  BullMQ's Worker, from its start, with a function that returns at once. Fewer
  workers besides.
- import_file: a job that reads a file of records, from its queueing until it is
  counted as completed; the bare loop that writes the same rows in groups of
  256.
- idle_schedules: jobs that wait for a time that is far away, while nobody asks
  for anything.

On both sides what is measured and what asks for it share all cores.
"""

import functools
import time

from measure import (MILLION, QUICK, REPEATS, in_turns, line,
                     written_against_loop)
from report import Line
from servers_jobs import (BULLMQ, CONNECTIONS, FAR, Jobs, NO_OP, begun, bullmq,
                          bullmq_served, put_files, queued)

NPM = "npm's BullMQ " + BULLMQ
QUEUED = 10000 if QUICK else 50000
RUN = 5000 if QUICK else 50000
WORKERS, FEWER = 64, (16, 8)
READINGS = 100000 if QUICK else MILLION
SCHEDULED = 100000
IDLE_S = 10 if QUICK else 20
SETTLE_S = 3


# ---- the queue ----

def queue_jobs(suite):
    files = put_files(suite)

    def ours():
        data = suite.copy(begun(suite), "queue")
        with Jobs(data, files, 0) as t:
            figure = t.queue(QUEUED, NO_OP)["records_per_s"]
        suite.drop(data)
        return figure

    a, served, called = in_turns(
        REPEATS, ours, lambda: bullmq_served(suite, QUEUED, NO_OP),
        lambda: bullmq(suite, "add", QUEUED, CONNECTIONS))
    return [line("queueing a job a request, %d connections; %s behind node's "
                 "HTTP server, on Redis" % (CONNECTIONS, NPM), "jobs/s", a,
                 served, at_least=3),
            line("the same; %s called within node, %d at once, on Redis"
                 % (NPM, CONNECTIONS), "jobs/s", a, called),
            Line("the same; bare loop committing %d of them" % CONNECTIONS,
                 "jobs/s", *queued_against_loop(suite, files))]


def queued_against_loop(suite, files):
    # A job is its own record and its name's.
    return written_against_loop(
        suite, lambda t, _: t.queue(QUEUED, NO_OP)["records_per_s"],
        CONNECTIONS, data=begun(suite),
        serve=functools.partial(Jobs, files=files, workers=0), each=2)


def run_jobs(suite):
    files = put_files(suite)

    def ours(workers):
        data = suite.copy(queued(suite, RUN, NO_OP), "run")
        begin = time.monotonic()
        with Jobs(data, files, workers) as t:
            t.await_completed(RUN)
            seconds = time.monotonic() - begin
        suite.drop(data)
        return RUN / seconds

    theirs, *runs = in_turns(
        REPEATS, lambda: bullmq(suite, "run", RUN, WORKERS),
        *(functools.partial(ours, n) for n in (WORKERS, *FEWER)))
    return [line("running jobs that do nothing, %d workers; %s, concurrency "
                 "%d on Redis" % (WORKERS, NPM, WORKERS), "jobs/s", runs[0],
                 theirs, at_least=3)] + [
            line("the same, %d workers" % n, "jobs/s", run, theirs)
            for n, run in zip(FEWER, runs[1:])]


# ---- an import ----

def import_file(suite):
    files = put_files(suite, READINGS)

    def run(t, _):
        user = t.user()
        begin = time.monotonic()
        path = t.queue_one(user, "readings")
        t.await_completed(1)
        seconds = time.monotonic() - begin
        if t.look(path, user)["job"]["records"]["written"] != READINGS:
            raise RuntimeError("the job wrote something else")
        return READINGS / seconds

    a, b, ratio = written_against_loop(
        suite, run, 256, data=begun(suite),
        serve=functools.partial(Jobs, files=files, workers=1))
    return [Line("import of a file of %s records; bare loop in groups of 256"
                 % format(READINGS, ","), "records/s", a, b, ratio, 0.5)]


# ---- waiting ----

def idle_schedules(suite):
    data = queued(suite, SCHEDULED, FAR)
    with Jobs(data, put_files(suite), WORKERS) as t:
        time.sleep(SETTLE_S)
        begin_s = t.processor_s()
        time.sleep(IDLE_S)
        used_s = t.processor_s() - begin_s
    return [Line("%s scheduled jobs that wait, processor time"
                 % format(SCHEDULED, ","), "% of a core",
                 100 * used_s / IDLE_S, ceiling=1)]


STEPS = [queue_jobs, run_jobs, import_file, idle_schedules]
