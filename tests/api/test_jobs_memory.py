"""Long answers of the jobs API to those who do not read them: what they hold
is the server's memory for answers, and no more."""

import json
import socket

from harness import DEADLINE_S, wait_for
from jobs import JobsOrg, config
from jobs_source import Sources

MIB = 1 << 20
MEMORY_BYTES = 16 * MIB
# Errors that are listed, each of a record with a key that is six times as long
# in JSON: more than a socket takes of an answer that nobody reads.
ERRORS, KEY = 1000, "\x01" * 490
READERS = 12


def test_who_reads_no_long_answer_holds_no_more_than_there_is(serve):
    sources = Sources(1)
    server = serve(config(sources).replace(
        "server:\n", "server:\n  body_max_bytes: %d\n  memory_max_bytes: %d\n"
        % (4 * MIB, MEMORY_BYTES)))
    user, shelf = JobsOrg(server).user, sources.take()
    shelf.page_size = ERRORS
    shelf.put(*[{"id": "%d%s" % (i, KEY), "title": 7} for i in range(ERRORS)])
    job = user.ran(shelf)
    assert len(job["errors"]) == ERRORS
    size = len(json.dumps(job["errors"]))
    assert MEMORY_BYTES / READERS < size < MEMORY_BYTES
    head = ("GET /sync/jobs/%s HTTP/1.1\r\nHost: here\r\norgid: %s\r\n"
            "Authorization: Bearer %s\r\n\r\n" % (
                job["id"], user.org.name, user.token)).encode()
    readers, answers = [], []
    for _ in range(READERS):
        reader = socket.socket()
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.settimeout(DEADLINE_S)
        reader.connect(("127.0.0.1", server.port))
        reader.sendall(head)
        answers.append(reader.recv(12))
        readers.append(reader)
    for reader in readers:
        reader.close()
    assert 1 <= answers.count(b"HTTP/1.1 200") <= MEMORY_BYTES // size
    assert set(answers) == {b"HTTP/1.1 200", b"HTTP/1.1 503"}
    wait_for(lambda: user.ask(
        "GET", "/sync/jobs/" + job["id"]).status_code == 200,
        "room for an answer")
    sources.close()
