const fs = require("node:fs");
console.log("attempt");
// What a runtime that was started ahead of this program may have left to it, and what can be done with that.
const left = [];
for (const fd of fs.readdirSync("/proc/self/fd")) {
  let link = "";
  try { link = fs.readlinkSync(`/proc/self/fd/${fd}`); } catch { continue; }
  if (Number(fd) < 3 || !/^(socket:|\/memfd:|\/sys\/|anon_inode:\[pidfd\]|anon_inode:seccomp)/.test(link)) continue;
  left.push(`${fd} ${link}`);
  for (const message of ["j", "o", "\0".repeat(64), "\x01\0\0\0".repeat(8)])
    try { fs.writeSync(Number(fd), message); } catch {}
}
const environment = fs.readFileSync("/proc/self/environ", "latin1") + JSON.stringify(process.env);
for (const name of ["LD_PRELOAD", "CELLBLOCK"]) if (environment.includes(name)) left.push(name);
if (process.ppid !== 1) left.push("family");
if (left.length) throw new Error(left.join(", "));
