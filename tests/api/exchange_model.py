"""What two sites and a centre must see: the model of the exchange test.

It holds the records as a correct server would after the pushes that were
accepted, says for each site which foreign records it must have, and makes
random pushes that a real client could make. It knows nothing of HTTP.
"""


class Model:
    """The stored records of one org: {(table, id): data}, live ones only."""

    def __init__(self):
        self.live = {}
        self.owner = {}

    def apply(self, site, record):
        key = record["table"], record["recordID"]
        action = record["action"].lower()
        self.owner[key] = site
        if action == "delete":
            self.live.pop(key, None)
        elif action == "patch":
            self.live[key] = {**self.live[key], **record["data"]}
        else:
            self.live[key] = record["data"]

    def stores_of(self, key):
        """Where a record goes, by the declaration."""
        data = self.live.get(key)
        if data is None:
            return set()
        if key[0] == "trans_line":
            return self.stores_of(("transact", data["transaction_ID"]))
        stores = {data["store_ID"]}
        if data["status"] == "fn":
            stores.add(data["other_store_ID"])
        return stores

    def foreign(self, site, store):
        """What others' pushes must have brought to a site."""
        return {k: v for k, v in self.live.items()
                if k[0] != "item" and self.owner[k] != site
                and store in self.stores_of(k)}

    def central(self):
        return {k: v for k, v in self.live.items() if k[0] == "item"}

    def own(self, site, table):
        return sorted(k[1] for k in self.live
                      if k[0] == table and self.owner[k] == site)

    def lines_of(self, parent):
        return sorted(k[1] for k, v in self.live.items()
                      if k[0] == "trans_line"
                      and v["transaction_ID"] == parent)

    def touched_by(self, records):
        """Keys whose state is open while it is not known whether these
        records were stored: they, and the lines of the invoices in them."""
        keys = {(r["table"], r["recordID"]) for r in records}
        parents = {k[1] for k in keys if k[0] == "transact"}
        return keys | {k for k, v in self.live.items()
                       if k[0] == "trans_line"
                       and v["transaction_ID"] in parents}


class Pusher:
    """Makes the random pushes of one site."""

    def __init__(self, rng, model, site, others):
        self.rng, self.model, self.site = rng, model, site
        self.name = site.name
        self.others = others
        self.count = 0
        self.expected_parents, self.gone = [], []

    def batch(self):
        """Records for one push, at most one for each key. Lines go before
        a deleted parent, else in any order: children come first as often
        as not."""
        records, used, last = [], set(), []
        for _ in range(self.rng.randint(1, 6)):
            make = self.rng.choice([
                self.new_invoice, self.new_invoice, self.change_invoice,
                self.change_invoice, self.patch_invoice, self.new_line,
                self.new_line, self.change_line, self.delete_line,
                self.delete_invoice])
            made = make()
            keys = {(r["table"], r["recordID"]) for r in made}
            parents = {r["data"].get("transaction_ID") for r in made}
            if not made or keys & used or {
                    ("transact", p) for p in parents} & {
                        (r["table"], r["recordID"]) for r in last}:
                continue
            if made[-1]["action"] == "delete" \
                    and made[-1]["table"] == "transact":
                if self.parent_in_use(made[-1]["recordID"], records):
                    continue
                last += made
            else:
                records += made
            used |= keys
        self.rng.shuffle(records)
        return records + last

    def parent_in_use(self, parent, records):
        return any(r["data"].get("transaction_ID") == parent
                   or r["recordID"] == parent for r in records)

    def fresh(self, kind):
        self.count += 1
        return "%s-%s%d" % (self.name, kind, self.count)

    def number(self):
        return self.rng.randint(0, 10 ** 9)

    def invoice(self, record):
        to = self.rng.choice(self.others)
        data = {"ID": record, "store_ID": self.site.store,
                "status": self.rng.choice(["fn", "fn", "cn"]),
                "other_store_ID": to, "n": self.number(), "cost": 1.5}
        action = self.rng.choice(["insert", "update", "Update"])
        return [self.site.record("transact", record, data, action)]

    def new_invoice(self):
        for pool in (self.expected_parents, self.gone):
            if pool and self.rng.random() < 0.5:
                record = self.rng.choice(pool)
                if ("transact", record) not in self.model.live:
                    return self.invoice(record)
        return self.invoice(self.fresh("t"))

    def pick(self, table):
        own = self.model.own(self.name, table)
        return self.rng.choice(own) if own else None

    def change_invoice(self):
        record = self.pick("transact")
        return self.invoice(record) if record else []

    def patch_invoice(self):
        record = self.pick("transact")
        if not record:
            return []
        data = self.rng.choice([
            {"n": self.number()}, {"status": "fn"}, {"status": "cn"},
            {"other_store_ID": self.rng.choice(self.others)}])
        return [self.site.record("transact", record, data, "patch")]

    def delete_invoice(self):
        record = self.pick("transact")
        if not record or self.rng.random() < 0.5:
            return []
        self.gone.append(record)
        return [self.site.record("trans_line", x, action="delete")
                for x in self.model.lines_of(record)] + \
            [self.site.record("transact", record, action="delete")]

    def some_parent(self):
        """A live invoice of this site, or one that is still to come."""
        if self.rng.random() < 0.25:
            if not self.expected_parents or self.rng.random() < 0.4:
                self.expected_parents.append(self.fresh("t"))
            return self.rng.choice(self.expected_parents)
        return self.pick("transact")

    def line(self, record):
        parent = self.some_parent()
        if not parent:
            return []
        data = {"ID": record, "transaction_ID": parent, "n": self.number()}
        return [self.site.record("trans_line", record, data)]

    def new_line(self):
        return self.line(self.fresh("l"))

    def change_line(self):
        record = self.pick("trans_line")
        return self.line(record) if record else []

    def delete_line(self):
        record = self.pick("trans_line")
        if not record:
            return []
        return [self.site.record("trans_line", record, action="delete")]


class CentralPusher:
    """Makes the random pushes of the primary site."""

    def __init__(self, rng, model, site, others=()):
        del others
        self.rng, self.model, self.site = rng, model, site
        self.name = site.name

    def batch(self):
        chosen = self.rng.sample(range(12), self.rng.randint(1, 6))
        return [self.record("item%d" % i) for i in chosen]

    def record(self, record):
        if ("item", record) in self.model.live and self.rng.random() < 0.15:
            return self.site.record("item", record, action="delete")
        return self.site.record("item", record,
                                {"n": self.rng.randint(0, 10 ** 9)})
