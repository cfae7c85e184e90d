"""The access rules, read in the plainest way: what the server's answers are
compared with."""


def matches(rule, user, item, action):
    pattern = rule["item"]
    return (rule["user"] in ("*", user) and rule["action"] in ("*", action)
            and (item.startswith(pattern[:-1]) if pattern.endswith("*")
                 else item == pattern))


def decide(rules, user, item, action):
    """The first rule that matches; none denies. None: never put."""
    if rules is None:
        return True
    for rule in rules:
        if matches(rule, user, item, action):
            return rule["allow"]
    return False


def sees(rules, user, item):
    """Whether a user gets the events of an item."""
    restricted = any(r["action"] in ("*", "view") for r in rules or [])
    return not restricted or decide(rules, user, item, "view")
