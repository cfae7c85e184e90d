"""Realtime: what a delivered message, an answer, a connection and an idle
client cost the server. Servers are compared by the processor time that the
kernel counts for their process, not by the clock on the wall."""

import resource
import statistics

from measure import QUICK, REPEATS, in_turns, line
from report import Line
from servers_realtime import SOCKET_IO, Bare, Clients, Npm, Ours, Serving

CLIENTS, MANY, IDLE, FEW = 1000, 10000, 5000, 100
TEXT = "x" * 128
NPM = "npm's socket.io " + SOCKET_IO
NEWS = {"send": '42["broadcast",%%,"%s"]' % TEXT, "expect": '42["news",%,'}
# The same bytes, which the loop only passes on.
BARE_NEWS = {"send": '42["news",%%,"%s"]' % TEXT, "expect": NEWS["expect"]}
CRITICAL = {"send": '42["critical_event",{"event_type":"t%%","device_id":"d",'
                    '"payload":"%s"}]' % TEXT,
            "expect": '42["critical_event",{"event_type":"t%"'}
ECHO = {"send": '42["message",%%,"%s"]' % TEXT,
        "expect": '42["message-back",%,'}


def raise_limits():
    """The servers get the limits that this process has."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


# ---- processor time ----

def broadcast(suite):
    raise_limits()
    rounds = 20 if QUICK else 100

    def cost(server, news):
        return server.load("broadcast", clients=CLIENTS, warm=10,
                           rounds=rounds, **news)["each_us"]

    with Ours(suite) as ours, Npm(suite) as npm, Bare(suite) as bare:
        a, b, c = in_turns(REPEATS, lambda: cost(ours, NEWS),
                           lambda: cost(npm, NEWS),
                           lambda: cost(bare, BARE_NEWS))
    what = ("processor time of a message delivered in a broadcast to 1,000 "
            "WebSocket clients; ")
    return [line(what + "a loop of send()", "us", a, c, at_most=1.8),
            line("the same; " + NPM, "us", a, b, at_most=0.6)]


def against_npm(suite, mode, what, **options):
    with Ours(suite) as ours, Npm(suite) as npm:
        a, b = in_turns(REPEATS,
                        lambda: ours.load(mode, **options)["each_us"],
                        lambda: npm.load(mode, **options)["each_us"])
    return [line("%s; %s" % (what, NPM), "us", a, b, at_most=1 / 3)]


def echo(suite):
    return against_npm(suite, "echo", "processor time of an event and its "
                       "answer, 64 clients", clients=64, warm=50,
                       rounds=200 if QUICK else 1000, **ECHO)


def connections(suite):
    return against_npm(suite, "handshake", "processor time of a connection: "
                       "WebSocket, namespace, end", clients=32, warm=500,
                       rounds=2000 if QUICK else 10000)


# ---- with a store ----

def critical_events(suite):
    """The same with all of Tombolo: each event is on disk before it is sent."""
    raise_limits()
    rounds = 20 if QUICK else 200
    figures = []
    with Serving(suite) as t:
        before = t.memory_bytes("VmRSS")
        with Clients(t, IDLE):
            growth = t.memory_bytes("VmRSS") - before
        for _ in range(REPEATS):
            figures.append(t.load("broadcast", clients=CLIENTS, warm=10,
                                  rounds=rounds, **CRITICAL))
    each_us = statistics.median(f["each_us"] for f in figures)
    slowest_ms = statistics.median(f["slowest_ms"] for f in figures)
    return [Line("processor time of a critical event stored and delivered, "
                 "by each of its 1,000 clients", "us", each_us),
            Line("until the last one of them has it, the slowest of %d" %
                 rounds, "ms", slowest_ms),
            Line("memory of one of 5,000 idle clients of tombolo serve", "kB",
                 growth / IDLE / 1000, ceiling=12)]


# ---- memory ----

def idle_bytes(server):
    """By how much it grows for each client that is there."""
    with server, Clients(server, FEW):
        server.settle()
        before = server.memory_bytes("VmRSS")
        with Clients(server, IDLE):
            server.settle()
            return (server.memory_bytes("VmRSS") - before) / IDLE


def idle_clients(suite):
    raise_limits()
    a, b = in_turns(REPEATS, lambda: idle_bytes(Ours(suite)) / 1000,
                    lambda: idle_bytes(Npm(suite)) / 1000)
    return [line("memory of one of 5,000 idle WebSocket clients; " + NPM,
                 "kB", a, b, at_most=0.25, ceiling=12)]


# ---- many ----

def many_clients(suite):
    raise_limits()

    def slowest(server):
        with server:
            return server.load("broadcast", clients=MANY, rounds=5,
                               **NEWS)["slowest_ms"]

    a, b = in_turns(REPEATS, lambda: slowest(Ours(suite)),
                    lambda: slowest(Npm(suite)))
    return [line("from a broadcast to the last one of 10,000 clients, the "
                 "slowest of five; " + NPM, "ms", a, b, ceiling=1000)]


STEPS = [broadcast, echo, connections, critical_events, idle_clients,
         many_clients]
