const { spawn } = require("node:child_process");
const { Pipe, constants } = process.binding("pipe_wrap");
const { WriteWrap } = process.binding("stream_wrap");

require("node:fs").writeSync(1, "attempt\n");
// Descriptors in flight count for nobody's table: send each into a socket that nobody reads.
let held = 0;
try {
  for (;;) {
    const child = spawn("/bin/sleep", ["3600"], { stdio: ["pipe", "ignore", "ignore"] });
    child.on("error", () => {});
    const socket = child.stdin._handle;
    const way = new Pipe(constants.IPC);
    way.open(socket.fd);
    for (let n = 0; n < 200; n++, held++) if (way.writeUtf8String(new WriteWrap(), "x", socket)) break;
  }
} catch (error) { console.log(held, error.code ?? error.message); }
process.exit();
