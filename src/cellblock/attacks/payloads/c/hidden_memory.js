const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const net = require("node:net");

const block = Buffer.alloc(1 << 16, 1);

// Each goes on until it is refused; what it holds it keeps until the end.
function shared() {
  const areas = [];
  for (;;) areas.push(new Uint8Array(new SharedArrayBuffer(1 << 24)).fill(1));
}

function tmpfs(place) {
  for (let number = 0; ; number++) fs.writeFileSync(`${place}/${number}`, Buffer.alloc(1_000_000, 1));
}

function pipes() {
  for (let number = 0; ; number++) {
    execFileSync("/usr/bin/mkfifo", [`/tmp/${number}`]);
    const fd = fs.openSync(`/tmp/${number}`, fs.constants.O_RDWR | fs.constants.O_NONBLOCK);
    try { for (;;) fs.writeSync(fd, block); } catch {}
  }
}

function sockets() {
  const refused = (error) => { console.log(error.code); process.exit(); };
  // What no buffer of the kernel's takes, Node keeps: that is memory of the process, and not what is tried.
  const one = () => {
    const socket = net.connect("/tmp/s", function more() { if (socket.write(block)) setImmediate(more); });
    socket.on("error", refused);
  };
  net.createServer({ pauseOnConnect: true }, one).on("error", refused).on("drop", refused).listen("/tmp/s", one);
}

fs.writeSync(1, "attempt\n");
try { @WAY@; } catch (error) { console.log(error.code); }
