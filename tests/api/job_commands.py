"""`tombolo job`, as the tests call it for one org."""

import json


def job(name="goods", **kw):
    return {"name": name, "type": "full", "data": {"source": "drop"}, **kw}


class Jobs:
    """The commands of one org, which every test has to itself."""

    def __init__(self, org, folder):
        self.org, self.cli, self.folder = org, org.cli, folder

    def run(self, verb, *args, **kw):
        return self.cli.run("job", verb, *args, "--org", self.org.name, **kw)

    def queue(self, what, **kw):
        path = self.folder / "job.json"
        path.write_text(what if isinstance(what, str) else json.dumps(what))
        return self.run("queue", path, **kw)

    def queued(self, what):
        return json.loads(self.queue(what).stdout)["id"]

    def list(self, *args):
        lines = self.run("list", *args).stdout.splitlines()
        return [json.loads(x) for x in lines]

    def show(self, job_id):
        return json.loads(self.run("show", job_id).stdout)

    def refused(self, code, text, verb, *args):
        done = self.run(verb, *args, check=False)
        assert done.returncode == code, done
        assert text in done.stderr, done.stderr
