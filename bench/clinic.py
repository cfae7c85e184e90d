"""The store that the resources API is measured on: one collection, declared
here, and filled as an operator would, by `tombolo import`."""

import datetime
import json

from servers import BUILD, Process, TOOL_S, tombolo

COLLECTION = "/api/readings/"
LIST = COLLECTION + "sync/"
# An object of a reading has so many braces that open.
BRACES = 1
BODY_BYTES = 200
ORG = "bench"
CLERK = ("clerk", "clerk-password")

CONFIG = """\
log: {level: warn}
collections:
  - name: readings
    path: readings
    id: integer
    route: central
    writers: [staff]
    visible:
      - {role: staff}
    fields:
      - {name: patient, type: integer, nullable: no}
      - {name: taken_at, type: datetime, nullable: no}
      - {name: kind, type: enum, values: [PULSE, WEIGHT], writable: [any]}
      - {name: value, type: decimal, writable: [staff]}
      - {name: is_checked, type: boolean, writable: [staff]}
      - {name: note, type: text, writable: [staff]}
"""


def body(i):
    """What is stored of reading `i`: BODY_BYTES."""
    begin = ('{"patient":%d,"taken_at":"2026-01-%02dT08:%02d:00Z",'
             '"kind":"%s","value":%d.%d,"is_checked":%s,"note":"'
             % (1 + i % 9973, 1 + i % 28, i % 60, ("PULSE", "WEIGHT")[i % 2],
                40 + i % 80, i % 10, ("false", "true")[i % 2]))
    return begin + "x" * (BODY_BYTES - len(begin) - 2) + '"}'


def config(data):
    """The configuration of a store; it lies beside the data."""
    path = data.parent / "bench.yaml"
    if not path.exists():
        path.write_text(CONFIG)
    return path


def filled(suite, records):
    """A store with that many readings, made once. Their ids are 1, 2, ..."""
    data = suite.folder / ("readings-%d" % records) / "data"
    if data.exists():
        return data
    data.parent.mkdir()
    settings = config(data)
    tombolo(data, settings, "init", "--org", ORG, "--admin", "admin",
            password="admin-password")
    tombolo(data, settings, "user", "add", CLERK[0], "--uuid", CLERK[0],
            "--role", "staff", password=CLERK[1])
    lines = data.parent / "readings.jsonl"
    with open(lines, "w", encoding="utf-8") as f:
        for i in range(1, records + 1):
            f.write('{"table":"readings","recordID":"%d","data":%s}\n'
                    % (i, body(i)))
    tombolo(data, settings, "import", str(lines))
    lines.unlink()
    # The first start looks at all of it, because it was never served with this
    # declaration.
    first = Clinic(data)
    first.patience_s = TOOL_S
    with first:
        pass
    return data


class Clinic(Process):
    """The server on such a store."""

    probe = ("/api/sync/status/", {})

    def __init__(self, data, core=None):
        super().__init__([str(BUILD / "tombolo"), "serve", "--listen",
                          "127.0.0.1:PORT", "--data", str(data), "--config",
                          str(config(data))], core, data.parent)

    def user(self):
        """What a clerk sends along, who sees all readings."""
        pair = json.dumps({"username": CLERK[0], "password": CLERK[1]})
        _, answer = self.must("POST", "/api/auth/token/",
                              {"Content-Type": "application/json"}, pair)
        return {"Authorization": "Bearer " + json.loads(answer)["access"]}

    def last_sync(self, user):
        """The time that stands for all that has happened so far."""
        now = datetime.datetime.now(datetime.timezone.utc).isoformat()
        got, _ = self.must("GET", since(now[:-6] + "Z"), user)
        return got["X-Last-Sync"]


def since(time):
    """The address of what changed later."""
    return LIST + "?last_sync_timestamp=" + time


def later(time, microseconds):
    """A time as the API writes and reads it, a little later."""
    moved = (datetime.datetime.fromisoformat(time.replace("Z", "+00:00")) +
             datetime.timedelta(microseconds=microseconds))
    return moved.isoformat().replace("+00:00", "Z")
