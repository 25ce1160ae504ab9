const { execFileSync } = require("node:child_process");
const fs = require("node:fs"), os = require("node:os");
console.log("attempt");
// See state.py.
const left = [];
const status = fs.readFileSync("/proc/self/status", "latin1");
if (!status.includes("\nUmask:\t0022\n")) left.push("umask");
if (!status.includes("\nSigBlk:\t0000000000000000\n")) left.push("blocked signals");
if (fs.readFileSync("/proc/self/stat", "latin1").split(") ").pop().split(" ")[16] !== "0") left.push("nice");
const limits = [...fs.readFileSync("/proc/self/limits", "latin1").matchAll(/^Max ([a-z ]+?)  +(\S+) +(\S+)/gm)];
for (const [, name, soft, hard] of limits)
  if ((soft !== hard && name !== "cpu time") || (name === "open files" && Number(hard) < 24) || (name === "file size" && Number(hard) < 1 << 20))
    left.push(`limit of ${name} ${soft} ${hard}`);
if (limits.length < 14) left.push("no limits to be read");
for (const place of ["/tmp", "/dev/shm"]) if (fs.readdirSync(place).length) left.push("files");
if (process.pid > 10) left.push("pid");
for (const name of Object.keys(process.env)) if (!/^(PATH|HOME|LANG|LC_.*|TMPDIR|PWD|NODE_.*|UV_.*)$/.test(name)) left.push(name);
if (left.length) {
  console.log(left.join(", "));
  process.exit(42);
}
// For the run after it to find. Node blocks no signals, and sets limits by a tool only.
for (const place of ["/tmp", "/dev/shm"]) fs.writeFileSync(`${place}/left`, "");
process.env.LEFT = "1";
process.chdir("/tmp");
process.umask(0);
for (const pid of [process.ppid, process.pid]) {
  for (const deed of [
    () => os.setPriority(pid, 3),
    () => execFileSync("/usr/bin/prlimit", ["--pid", String(pid), "--fsize=65536"], { stdio: "ignore" }),
    () => execFileSync("/usr/bin/prlimit", ["--pid", String(pid), "--nofile=23"], { stdio: "ignore" }),
  ]) try { deed(); } catch (error) { if (pid === process.pid) throw error; }
}
