require("node:fs").writeSync(1, "attempt\n");
// Limits Node cannot ask for: a shell asks and crashes, then so does Node.
require("node:child_process").spawnSync("/bin/sh", ["-c", "ulimit -H -c unlimited; ulimit -c unlimited; kill -ABRT $$"]);
process.abort();
