const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const net = require("node:net");

const block = Buffer.alloc(1 << 16, 1);
let held = 0, told = 0;

// Each goes on until it is refused; what it holds it keeps until the end, and says how much that is.
function hold(size) {
  held += size;
  if (held - told >= 1 << 20) fs.writeSync(1, `held ${(told = held)}\n`);
  if (held >= 2 ** 31) process.exit(42); // nobody refuses
}

function shared() {
  const areas = [];
  for (;; hold(1 << 20)) areas.push(new Uint8Array(new SharedArrayBuffer(1 << 20)).fill(1));
}

function tmpfs(place) {
  for (let number = 0; ; number++, hold(1_000_000)) fs.writeFileSync(`${place}/${number}`, Buffer.alloc(1_000_000, 1));
}

function pipes() {
  for (let number = 0; ; number++) {
    execFileSync("/usr/bin/mkfifo", [`/tmp/${number}`]);
    const fd = fs.openSync(`/tmp/${number}`, fs.constants.O_RDWR | fs.constants.O_NONBLOCK);
    try { for (;;) hold(fs.writeSync(fd, block)); } catch {}
  }
}

function sockets() {
  const refused = (error) => { console.log(error.code); process.exit(); };
  // What no buffer of the kernel's takes, Node keeps: that is memory of the process, and not what is tried.
  const one = () => {
    const taken = (error) => { if (!error) { hold(block.length); more(); } };
    const socket = net.connect("/tmp/s", more);
    function more() { socket.write(block, taken); }
    socket.on("error", refused);
  };
  net.createServer({ pauseOnConnect: true }, one).on("error", refused).on("drop", refused).listen("/tmp/s", one);
}

process.on("exit", () => fs.writeSync(1, `held ${held}\n`));
fs.writeSync(1, "attempt\n");
try { @WAY@; } catch (error) { console.log(error.code); }
