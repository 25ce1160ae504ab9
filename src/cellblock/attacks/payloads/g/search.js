const fs = require("fs");
console.log("attempt");
console.log(JSON.stringify(process.env), process.argv);
let found = JSON.stringify(process.env).includes("CELLBLOCK");
for (const path of ["/proc/1/environ", "/proc/self/environ", "/proc/@SUPERVISOR_PID@/environ", "/proc/@SERVICE_PID@/environ", "/proc/@PARENT_PID@/environ", "@SECRET@", "/proc/1/root@SECRET@", "@DATA_DIR@/cellblock.db"]) {
  try {
    const text = fs.readFileSync(path, "latin1");
    found ||= text.includes("CELLBLOCK") || path.endsWith(".db");
    console.log(text);
  } catch (error) { console.log(error.code); }
}
for (const path of ["@DATA_DIR@", "@RUNTIME_DIR@", "/proc/1/root@DATA_DIR@", "/proc/1/root@RUNTIME_DIR@"]) {
  try { found ||= fs.readdirSync(path).length > 0; } catch {}
}
for (const fd of fs.readdirSync("/proc/self/fd")) {
  let link = "";
  try { link = fs.readlinkSync(`/proc/self/fd/${fd}`); } catch { continue; }
  if (Number(fd) < 3) continue;
  console.log(fd, link);
  // What its own runtime opens is not among these.
  found ||= /^(socket:|\/memfd:|\/sys\/|anon_inode:seccomp)/.test(link) || ["@DATA_DIR@", "@RUNTIME_DIR@"].some((place) => link.startsWith(place));
}
const asking = require("net").connect("@SOCKET@");
asking.on("connect", () => process.exit(42));
asking.on("error", () => process.exit(found ? 42 : 0));
