const { spawn } = require("node:child_process");
const { Pipe, constants } = process.binding("pipe_wrap");
const { UDP } = process.binding("udp_wrap");
const { WriteWrap } = process.binding("stream_wrap");

require("node:fs").writeSync(1, "attempt\n");
// Files in flight are in nobody's table: send fresh ones into a socket that nobody reads, and close them. 42: nobody refuses.
// Node makes no pair of sockets but to a child, and of those it may not have many: 600 are all that it can try.
let sent = 0, way;
const children = [];

function end(number) {
  console.log(`sent ${sent}, then ${number}`);
  setTimeout(() => process.exit(sent < 600 ? 0 : 42), 300); // the host counts them
}

function more() {
  if (sent >= 600) return end(0);
  if (sent % 150 === 0) {
    const child = spawn("/bin/sleep", ["3600"], { stdio: ["pipe", "ignore", "ignore"] });
    children.push(child);
    child.on("error", (error) => end(-error.errno));
    if (!child.pid) return;
    way = new Pipe(constants.IPC);
    way.open(child.stdin._handle.fd);
  }
  const fresh = new UDP(), request = new WriteWrap();
  const full = fresh.bind("0.0.0.0", 0, 0);
  if (full) return end(-full);
  const done = (status) => { fresh.close(); if (status < 0) return end(-status); sent++; more(); };
  request.oncomplete = done;
  const refused = way.writeUtf8String(request, "x", fresh);
  if (refused) done(refused);
}
more();
