const { spawn } = require("node:child_process");

require("node:fs").writeSync(1, "attempt\n");
for (let n = 0; n < 4; n++) {
  const child = spawn("/bin/sh", ["-c", "while :; do :; done"], { stdio: "ignore", detached: true });
  child.on("error", () => {}).unref();
}
