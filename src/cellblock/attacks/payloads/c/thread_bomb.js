const { Worker } = require("node:worker_threads");
require("node:fs").writeSync(1, "attempt\n");
for (;;) {
  try { new Worker("setInterval(() => {}, 1000)", { eval: true }).on("error", () => {}); } catch {}
}
