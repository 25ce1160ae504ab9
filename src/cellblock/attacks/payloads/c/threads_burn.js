const { Worker } = require("node:worker_threads");
require("node:fs").writeSync(1, "attempt\n");
for (let n = 0; n < 2; n++) new Worker("for (;;) {}", { eval: true });
for (;;) {}
