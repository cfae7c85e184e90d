// npm's socket.io-client for tests in Python (clients.py).
//
//   node npm_client.js FOLDER
//
// FOLDER is where the package is installed. Each line on standard input is a
// command, a JSON array of its name and arguments; each line on standard output
// is something that an app has heard: [app, namespace, event, ...arguments].
// Bytes are {"bytes": base64}.
"use strict";

const { createRequire } = require("module");
const path = require("path");
const readline = require("readline");

const { Manager } = createRequire(path.join(process.argv[2], "x.js"))(
  "socket.io-client"
);
const apps = new Map();

function packed(value) {
  if (Buffer.isBuffer(value) || value instanceof ArrayBuffer)
    return { bytes: Buffer.from(value).toString("base64") };
  if (Array.isArray(value)) return value.map(packed);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, v]) => [key, packed(v)])
  );
}

function unpacked(value) {
  if (Array.isArray(value)) return value.map(unpacked);
  if (value === null || typeof value !== "object") return value;
  if (typeof value.bytes === "string")
    return Buffer.from(value.bytes, "base64");
  return Object.fromEntries(
    Object.entries(value).map(([key, v]) => [key, unpacked(v)])
  );
}

function tell(app, nsp, event, ...args) {
  process.stdout.write(JSON.stringify([app, nsp, event, ...packed(args)]) + "\n");
}

function connect(app, sockets, manager, nsp, auth) {
  const socket = manager.socket(nsp, auth === null ? {} : { auth });

  socket.onAny((event, ...args) => tell(app, nsp, event, ...args));
  socket.on("connect", () => tell(app, nsp, "connect"));
  socket.on("connect_error", (e) =>
    tell(app, nsp, "connect_error", { message: e.message }));
  socket.on("disconnect", (reason) => tell(app, nsp, "disconnect", reason));
  sockets.set(nsp, socket);
}

const commands = {
  open(app, url, namespaces, auth, options) {
    const manager = new Manager(url, options);
    const sockets = new Map();

    apps.set(app, { manager, sockets });
    namespaces.forEach((nsp) => connect(app, sockets, manager, nsp, auth));
  },
  emit(app, nsp, event, args) {
    apps.get(app).sockets.get(nsp).emit(event, ...unpacked(args));
  },
  // What the callback gets is told as the event "answer".
  call(app, nsp, event, args) {
    apps.get(app).sockets.get(nsp).emit(event, ...unpacked(args), (...got) =>
      tell(app, nsp, "answer", ...got));
  },
  transport(app) {
    const engine = apps.get(app).manager.engine;

    tell(app, "/", "transport", engine ? engine.transport.name : null);
  },
  leave(app, nsp) {
    apps.get(app).sockets.get(nsp).disconnect();
  },
  close(app) {
    apps.get(app).sockets.forEach((socket) => socket.disconnect());
    apps.delete(app);
  },
};

readline.createInterface({ input: process.stdin })
  .on("line", (line) => {
    const [name, ...args] = JSON.parse(line);

    commands[name](...args);
  })
  .on("close", () => process.exit(0));
