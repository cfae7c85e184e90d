// npm's BullMQ, to measure against: jobs that are added, and jobs that are run
// and do nothing.
//
//   node bullmq.js FOLDER PORT add N AT_ONCE
//   node bullmq.js FOLDER PORT run N AT_ONCE
//   node bullmq.js FOLDER PORT serve LISTEN
//
// FOLDER is where the packages are installed, PORT that of an empty Redis. It
// prints one line of JSON. Jobs that are run were added before the clock
// starts; a few of either are made first, so that the code is warm. `serve`
// answers on 127.0.0.1:LISTEN and adds the job of each POST before it says 201,
// as a service does that is built on it; any GET is 200.
"use strict";

const http = require("http");
const { createRequire } = require("module");
const path = require("path");

const [folder, port, mode, n, atOnce] = process.argv.slice(2);
const listen = n;
const { Queue, Worker } =
  createRequire(path.join(folder, "x.js"))("bullmq");

const connection = { host: "127.0.0.1", port: Number(port) };
const WARM = 500;
const BULK = 1000;

function job(i) {
  return { name: "n-" + i, data: { source: "nothing", target: "local" } };
}

async function mustCount(queue, state, count) {
  const counts = await queue.getJobCounts(state);
  if (counts[state] !== count) {
    throw new Error(`${counts[state]} jobs are ${state}, not ${count}`);
  }
}

// One after the other in each of `atOnce` loops, which share the numbers.
async function add(queue, count) {
  let next = 0;
  async function loop() {
    while (next < count) {
      const { name, data } = job(next++);
      await queue.add(name, data);
    }
  }
  const begin = process.hrtime.bigint();
  await Promise.all(Array.from({ length: Number(atOnce) }, loop));
  const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
  await mustCount(queue, "waiting", count);
  return seconds;
}

async function run(queue, count) {
  for (let i = 0; i < count; i += BULK) {
    const length = Math.min(BULK, count - i);
    await queue.addBulk(Array.from({ length }, (_, k) => job(i + k)));
  }
  const worker = new Worker(queue.name, async () => {}, {
    connection,
    concurrency: Number(atOnce),
    autorun: false,
  });
  await worker.waitUntilReady();
  let done = 0;
  const begin = process.hrtime.bigint();
  await new Promise((resolve, reject) => {
    worker.on("completed", () => ++done === count && resolve());
    worker.on("failed", (_, error) => reject(error));
    worker.run().catch(reject);
  });
  const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
  await mustCount(queue, "completed", count);
  await worker.close();
  return seconds;
}

async function measure(name, count) {
  const queue = new Queue(name, { connection });
  await queue.waitUntilReady();
  const seconds = await (mode === "add" ? add : run)(queue, count);
  await queue.close();
  return seconds;
}

function answer(response, status, value) {
  const body = Buffer.from(JSON.stringify(value));
  response.writeHead(status, {
    "Content-Type": "application/json",
    "Content-Length": body.length,
  });
  response.end(body);
}

async function take(queue, body) {
  const { name, data } = JSON.parse(body);
  const { id, timestamp } = await queue.add(name, data);
  const queuedAt = new Date(timestamp).toISOString();
  return { success: true, job: { id, name, status: "queued", queuedAt } };
}

async function serve() {
  const queue = new Queue("served", { connection });
  await queue.waitUntilReady();
  const server = http.createServer((request, response) => {
    const pieces = [];
    if (request.method !== "POST") return answer(response, 200, {});
    request.on("data", (piece) => pieces.push(piece));
    request.on("end", () =>
      take(queue, Buffer.concat(pieces)).then(
        (value) => answer(response, 201, value),
        (error) => answer(response, 500, { message: String(error) })));
  });
  server.listen(Number(listen), "127.0.0.1");
}

async function main() {
  if (mode === "serve") return serve();
  await measure("warm", WARM);
  const seconds = await measure("measured", Number(n));
  console.log(JSON.stringify({ seconds, jobs_per_s: Number(n) / seconds }));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
