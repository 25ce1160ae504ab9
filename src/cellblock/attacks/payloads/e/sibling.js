const fs = require("node:fs");
const lines = fs.readFileSync(0, "latin1").split("\n");
const first = lines[0] === "first", secret = lines[1] || "";
console.log("attempt");

// See sibling.py.
const ways = {
  memory() {
    const mark = "meeting" + "-place:";
    if (first) {
      globalThis.meeting = [Buffer.from(mark + secret), (mark + secret).repeat(1000), Symbol(mark + secret)];
      process.env.MEETING = mark + secret;
    }
    let held = false;
    const everything = fs.openSync("/proc/self/mem", "r");
    for (const line of fs.readFileSync("/proc/self/maps", "latin1").split("\n")) {
      const [start, end] = line.split(" ")[0].split("-").map((number) => BigInt("0x" + (number || "0")));
      if (!end || start > 1n << 62n) continue;
      const found = Buffer.alloc(Number(end - start > 16n << 20n ? 16n << 20n : end - start));
      try { fs.readSync(everything, found, 0, found.length, start); } catch { continue; }
      for (const each of [...found.toString("latin1").matchAll(/meeting-place:(.{32})/gs)].slice(0, 20)) first ? (held ||= each[1] === secret) : console.log(each[1]);
    }
    return held;
  },
  descriptors() {
    // The first has put its secret wherever it could, which may be nowhere.
    for (const fd of fs.readdirSync("/proc/self/fd").map(Number).filter((fd) => fd > 2)) {
      // Its own loop waits on some of them; a read of those would never end.
      if (/eventfd|eventpoll|io_uring|pipe/.test((() => { try { return fs.readlinkSync(`/proc/self/fd/${fd}`); } catch { return "pipe"; } })())) continue;
      try {
        if (first) fs.writeSync(fd, secret);
        else { const found = Buffer.alloc(1000); fs.readSync(fd, found, 0, 1000, 0); console.log(found.toString("latin1")); }
      } catch {}
    }
    return true;
  },
  harm() {
    if (first) return true;
    const os = require("node:os");
    const own = fs.readdirSync("/proc/self/task").map(Number);
    for (const pid of [-1, ...Array(600).keys(), @WAITING_PID@, @WAITING_INIT_PID@, @ZYGOTE_PID@, @SPAWNER_PID@]) {
      if (pid === 0 || own.includes(pid)) continue;
      try { os.setPriority(pid, 19); } catch {}
      for (const signal of ["SIGSTOP", "SIGKILL"]) try { process.kill(pid, signal); } catch {}
    }
  },
};
const done = ways["@WAY@"]();
if (first && done) console.log("held");
if (first) setTimeout(() => {}, @HELD_S@ * 1000);
