const fs = require("node:fs");
const { spawnSync } = require("node:child_process");

fs.writeSync(1, "attempt\n");
// Of a child its parent is told whether the kernel dumped it, to a file or to the host's program: 42.
// Node does not pass that on, and cannot ask for limits: a shell asks, crashes and says it, then Node crashes.
const child = "ulimit -H -c unlimited; ulimit -c unlimited; /bin/sh -c 'kill -ABRT $$'; echo ended $?";
const said = String(spawnSync("/bin/sh", ["-c", child]).output);
fs.writeSync(1, said);
if (!said.includes("ended 134")) process.exit(1);
if (said.includes("core dumped")) process.exit(42);
process.abort();
