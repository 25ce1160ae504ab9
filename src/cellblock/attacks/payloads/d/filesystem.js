const fs = require("fs"), os = require("os");
console.log("attempt");
const won = [];
const attempt = (what, deed) => { try { if (deed()) won.push(what); } catch (refused) {} };
const open = (path, flags, deed) => { const fd = fs.openSync(path, flags); try { return deed(fd); } finally { fs.closeSync(fd); } };
const create = (path) => { open(path, "wx", () => fs.unlinkSync(path)); return true; };
const write = (path, text) => open(path, fs.constants.O_WRONLY, (fd) => fs.writeSync(fd, text) > 0);
// Nothing is written to what may be opened for writing: that it may is enough.
for (const path of "@WRITES@".split(" ")) attempt(path, () => open(path, fs.constants.O_WRONLY, () => true));
for (const path of "@CREATES@".split(" ")) attempt(path, () => create(path));
for (const own of "@OWN@".split(";")) attempt(own, () => write(...own.split("=")));
for (const path of "@READS@".split(" ")) attempt(path, () => open(path, "r", (fd) => fs.readSync(fd, Buffer.alloc(1)) > 0));
for (const path of "@LISTS@".split(" ")) attempt(path, () => fs.readdirSync(path).length > 0);
attempt("group", () => !fs.readFileSync("/proc/self/cgroup", "utf8").trim().split("\n").every((line) => line.endsWith(":/")));
attempt("name", () => fs.readFileSync("/etc/hostname", "utf8").trim() !== os.hostname());
console.log(won);
process.exitCode = won.length;
