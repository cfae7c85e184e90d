// For the public test suites: each frame is told in a task of its own, as in a
// browser. Left to itself the library tells two frames that arrive together at
// once, and a test that awaits them one after the other misses the second.
const path = require("path");

const place = path.join(process.cwd(), "node_modules/ws/lib/receiver.js");
const Receiver = require(place);

require.cache[place].exports = class extends Receiver {
  constructor(options) {
    super({ ...options, allowSynchronousEvents: false });
  }
};
