const fs = require("node:fs");

fs.writeSync(1, "attempt\n");
// Its own descriptors beyond them Node needs, and would abort before it had tried anything.
for (const fd of [0, 1, 2]) fs.closeSync(fd);
for (const _ of [0, 1, 2]) fs.openSync("/dev/full", "r+");
for (let n = 0; n < 100_000; n++) try { fs.writeSync(1, "x"); } catch {}
