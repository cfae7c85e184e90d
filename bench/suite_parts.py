"""Parts of the program, measured alone and without a server."""

from report import Line
from servers import tool


def json(_suite):
    slowest = min(line["mb_per_s"] for line in tool("json"))
    return [Line("JSON reader, an array of 10,000 records", "MB/s", slowest,
                 floor=400)]


def token(suite):
    got = tool("auth", keys=suite.place("keys") / "keys")[0]
    return [Line("check of a token that was seen before, 10,000 of them in "
                 "turn", "us", got["us_per_check"], ceiling=1)]


def acl(_suite):
    slowest = max(line["decide_ns"] for line in tool("acl"))
    return [Line("decision by 10,000 access rules, of the list that takes "
                 "longest", "us", slowest / 1000, ceiling=1)]


STEPS = [json, token, acl]
