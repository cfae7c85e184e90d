// npm's socket.io on ws, to measure against: the events of our own
// tests/interop/server_main.c, and nothing else.
//
//   node --expose-gc realtime_server.js FOLDER PORT
//
// FOLDER is where the package is installed. GET /collect collects garbage, so
// that memory can be compared.
"use strict";

const http = require("http");
const { createRequire } = require("module");
const path = require("path");

const [folder, port] = process.argv.slice(2);
const { Server } = createRequire(path.join(folder, "x.js"))("socket.io");

const server = http.createServer((request, response) => {
  global.gc();
  response.end();
});
const io = new Server(server, {
  transports: ["websocket"],
  perMessageDeflate: false,
  httpCompression: false,
  serveClient: false,
  pingInterval: 25000,
  pingTimeout: 20000,
  maxHttpBufferSize: 1000000,
});

io.on("connection", (socket) => {
  socket.emit("auth", socket.handshake.auth);
  socket.on("message", (...args) => socket.emit("message-back", ...args));
  socket.on("message-with-ack", (...args) => args.pop()(...args));
  socket.on("broadcast", (...args) => io.emit("news", ...args));
});
server.listen(Number(port), "127.0.0.1");
