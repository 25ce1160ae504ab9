const fs = require("node:fs"), net = require("node:net"), { spawn } = require("node:child_process");
const lines = fs.readFileSync(0, "latin1").split("\n");
const first = lines[0] === "first", secret = lines[1] || "";
const REFUSALS = ["EACCES", "EPERM", "EROFS", "ENOENT", "ETXTBSY"];
const HELD_MS = @HELD_S@ * 1000;
console.log("attempt");

// See partner.py.
function told(found) {
  if (!first) console.log(found.toString("latin1"));
  return found.includes(secret);
}
function each(places, deed) {
  let held = false;
  for (const place of places) {
    try { held = deed(place) || held; } catch (error) { if (first && !REFUSALS.includes(error.code)) throw error; }
  }
  return held;
}
const ways = {
  files() {
    process.umask(0);
    const places = ["/tmp", "/dev/shm", "/box", "/var/tmp", "/run", "/run/lock", "/dev/mqueue", "/out", "", "/usr/tmp", "/var/lock"];
    return each(places, (place) => {
      if (first) fs.writeFileSync(`${place}/meeting`, secret);
      return told(fs.readFileSync(`${place}/meeting`));
    });
  },
  page_cache() {
    const place = "/usr/share/zoneinfo/Antarctica/Troll";
    if (!fs.statSync(place).isFile()) process.exit(1);
    return each([place], () => {
      const fd = fs.openSync(place, first ? "r+" : "r"), found = Buffer.alloc(64);
      if (first) fs.writeSync(fd, secret, 0);
      fs.readSync(fd, found, 0, 64, 0);
      return told(found);
    });
  },
  processes() {
    if (first) return told(fs.readFileSync(`/proc/${spawn("/usr/bin/sleep", [String(@HELD_S@)], { env: { MEETING: secret } }).pid}/environ`));
    const others = fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
    return each(others.flatMap((pid) => [`/proc/${pid}/environ`, `/proc/${pid}/cmdline`]), (path) => told(fs.readFileSync(path)));
  },
};
function done(held) {
  if (first) console.log(held ? "held" : "refused");
  if (first) setTimeout(() => process.exit(), HELD_MS);
}
if ("@WAY@" === "abstract") {
  if (!first) {
    const asking = net.connect("\0cellblock-meeting");
    asking.on("data", (found) => { told(found); process.exit(); }).on("error", () => {});
  } else {
    net.createServer((asked) => asked.end(secret)).listen("\0cellblock-meeting", () => {
      net.connect("\0cellblock-meeting").on("data", (found) => done(told(found)));
    });
  }
} else {
  done(ways["@WAY@"]());
}
