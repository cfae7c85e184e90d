"""Real clients, which others wrote: npm's socket.io-client and Debian's
python3-socketio, with one set of functions for both.

A Fleet starts apps; each keeps what it hears, for a test to take.
"""

import base64
import itertools
import json
import pathlib
import queue
import subprocess
import threading
import time

import socketio

DEADLINE_S = 30
INSTALL_S = 60
SOCKET_IO_CLIENT = "4.8.4"
TRANSPORTS = {"polling": ["polling"], "websocket": ["websocket"],
              "upgrade": ["polling", "websocket"]}
# So that a client which is to come back does so soon.
RECONNECTION_S = (0.05, 0.1)
HERE = pathlib.Path(__file__).resolve().parent


class App:
    """What is the same for both."""

    def __init__(self):
        self.heard = {}
        self.is_closed = False
        self.lock = threading.Lock()

    def queue(self, nsp, event):
        with self.lock:
            return self.heard.setdefault((nsp, event), queue.Queue())

    def hear(self, nsp, event, *args):
        self.queue(nsp, event).put(list(args))

    def take(self, event, nsp="/"):
        """The arguments of the next event of this name."""
        try:
            return self.queue(nsp, event).get(timeout=DEADLINE_S)
        except queue.Empty:
            raise AssertionError("waited for %s of %s, with %s" % (
                event, nsp, self.untaken())) from None

    def close(self):
        """Disconnects, and does not come back. May be called again."""
        if not self.is_closed:
            self.is_closed = True
            self.end()

    def untaken(self):
        """What was heard and not taken."""
        with self.lock:
            return {key: list(q.queue) for key, q in self.heard.items()
                    if q.qsize()}

    def await_transport(self, name):
        """An upgrade takes its time."""
        end = time.monotonic() + DEADLINE_S
        while self.transport() != name:
            assert time.monotonic() < end, "waited for " + name
            time.sleep(0.01)


# ---- npm ----

def install(folder):
    """Installs npm's client into a folder. What went wrong, or ""."""
    argv = ["npm", "install", "--no-save", "--no-audit", "--no-fund",
            "--loglevel=error", "--fetch-retries=1",
            "socket.io-client@" + SOCKET_IO_CLIENT]
    try:
        subprocess.run(argv, cwd=folder, timeout=INSTALL_S, check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True)
    except FileNotFoundError:
        return "there is no npm: tools/setup.sh test"
    except subprocess.TimeoutExpired:
        return "npm's registry did not answer within %d s" % INSTALL_S
    except subprocess.CalledProcessError as e:
        return ("npm could not install socket.io-client: is its registry "
                "reached?\n" + e.stdout[-2000:])
    return ""


def packed(value):
    """As JSON: bytes as {"bytes": base64}."""
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, (list, tuple)):
        return [packed(v) for v in value]
    if isinstance(value, dict):
        return {k: packed(v) for k, v in value.items()}
    return value


def unpacked(value):
    if isinstance(value, list):
        return [unpacked(v) for v in value]
    if isinstance(value, dict):
        if list(value) == ["bytes"]:
            return base64.b64decode(value["bytes"])
        return {k: unpacked(v) for k, v in value.items()}
    return value


class NpmApp(App):
    tells_reasons = keeps_order = True

    def __init__(self, fleet, number, url, namespaces, auth, transports,
                 reconnection):
        super().__init__()
        self.fleet, self.number = fleet, number
        fleet.apps[number] = self
        options = {"transports": transports, "reconnection": reconnection,
                   "reconnectionDelay": RECONNECTION_S[0] * 1000,
                   "reconnectionDelayMax": RECONNECTION_S[1] * 1000}
        self.ask("open", url, namespaces, packed(auth), options)

    def ask(self, command, *args):
        self.fleet.ask([command, self.number, *args])

    def emit(self, event, *args, nsp="/"):
        self.ask("emit", nsp, event, packed(args))

    def call(self, event, *args, nsp="/"):
        """What the callback gets."""
        self.ask("call", nsp, event, packed(args))
        return self.take("answer", nsp)

    def transport(self):
        self.ask("transport")
        return self.take("transport")[0]

    def leave(self, nsp):
        """Leaves a namespace; the connection may stay for others."""
        self.ask("leave", nsp)

    def end(self):
        self.ask("close")


class NpmFleet:
    """Apps in one process of node."""

    name = "npm"

    def __init__(self, folder):
        self.apps = {}
        self.numbers = itertools.count()
        self.process = subprocess.Popen(
            ["node", str(HERE / "npm_client.js"), str(folder)], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            number, nsp, event, *args = json.loads(line)
            self.apps[number].hear(nsp, event, *unpacked(args))

    def ask(self, command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()

    def open(self, url, namespaces=("/",), auth=None,
             transports=("websocket",), reconnection=False):
        return NpmApp(self, next(self.numbers), url, list(namespaces), auth,
                      list(transports), reconnection)

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(DEADLINE_S) == 0
        self.reader.join(DEADLINE_S)


# ---- python3-socketio ----

class PythonApp(App):
    # Its "disconnect" has no argument; each event has a thread of its own.
    tells_reasons = keeps_order = False

    def __init__(self, url, events, namespaces, auth, transports,
                 reconnection):
        super().__init__()
        self.client = socketio.Client(
            reconnection=reconnection, reconnection_delay=RECONNECTION_S[0],
            reconnection_delay_max=RECONNECTION_S[1])
        for nsp in namespaces:
            for event in [*events, "connect", "connect_error", "disconnect"]:
                self.client.on(event, self.hearer(nsp, event), namespace=nsp)
        self.client.connect(url, auth=auth, transports=transports,
                            namespaces=list(namespaces), wait=False)

    def hearer(self, nsp, event):
        return lambda *args: self.hear(nsp, event, *args)

    def emit(self, event, *args, nsp="/"):
        self.client.emit(event, args, namespace=nsp)

    def call(self, event, *args, nsp="/"):
        self.client.emit(event, args, namespace=nsp,
                         callback=self.hearer(nsp, "answer"))
        return self.take("answer", nsp)

    def transport(self):
        return self.client.transport()

    def leave(self, nsp):
        # There is no function for one namespace.
        packet = socketio.packet.Packet(socketio.packet.DISCONNECT,
                                        namespace=nsp)
        self.client._send_packet(packet)

    def end(self):
        self.client.disconnect()
        # Which ends no attempt to come back that is under way.
        if self.client._reconnect_abort is not None:
            self.client._reconnect_abort.set()


class PythonFleet:
    """Apps in this process, which must say which events they listen to."""

    name = "python"
    EVENTS = ["auth", "message-back", "news", "step", "connected",
              "critical_event", "acknowledged", "registered",
              "heartbeat_ack", "sync_update", "error", "change",
              "subscribed", "unsubscribed"]

    def open(self, url, namespaces=("/",), auth=None,
             transports=("websocket",), reconnection=False):
        return PythonApp(url, self.EVENTS, namespaces, auth,
                         list(transports), reconnection)

    def close(self):
        pass
