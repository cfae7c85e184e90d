"""What fifty principals must see: the model of the resources' model test.

It holds the people and visits of one org as plain dicts and says, by going
through all of them, what a principal sees. It knows nothing of HTTP.
"""

PERSON = ["name", "phone"]
VISIT = ["person_id", "doctor_id", "status", "symptoms"]
MEMBERS = {"people": PERSON, "visits": VISIT}


class Model:
    """The live records: {"people": {id: {...}}, "visits": {id: {...}}}."""

    def __init__(self):
        self.live = {"people": {}, "visits": {}}

    def visits_of(self, person):
        return [v for v, data in self.live["visits"].items()
                if data["person_id"] == person]

    def sees(self, who, collection, number):
        """Whether a principal (role, profile) sees one record."""
        role, profile = who
        data = self.live[collection].get(number)
        if data is None:
            return False
        if role in ("staff", "admin"):
            return True
        if profile is None:
            return False
        if role == "patient":
            return profile == (number if collection == "people"
                               else data["person_id"])
        if role == "doctor":
            if collection == "visits":
                return profile == data["doctor_id"]
            return any(data["doctor_id"] == profile
                       and data["person_id"] == number
                       for data in self.live["visits"].values())
        return False

    def seen_by(self, who, collection):
        """{id: members} of all that a principal sees."""
        return {n: {k: data[k] for k in MEMBERS[collection]}
                for n, data in self.live[collection].items()
                if self.sees(who, collection, n)}

    def touched_by(self, collection, number):
        """Records that may come into sight or leave it with this one."""
        touched = {(collection, number)}
        if collection == "visits":
            data = self.live["visits"].get(number)
            if data and data["person_id"] is not None:
                touched.add(("people", data["person_id"]))
        return touched
