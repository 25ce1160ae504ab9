const { spawnSync } = require("node:child_process");

require("node:fs").writeSync(1, "attempt\n");
// Short-lived children, each gone before anybody looks.
for (;;) spawnSync("/bin/sh", ["-c", "n=0; while [ $n -lt 50000 ]; do n=$((n + 1)); done"]);
