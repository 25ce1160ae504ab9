const fs = require("node:fs");

fs.writeSync(1, "attempt\n");
for (const fd of [0, 1, 2]) {
  const path = `/proc/self/fd/${fd}`;
  for (const deed of [
    // Beside the file that a stream is, where it is one.
    () => fs.writeSync(1, fs.readFileSync(`${require("node:path").dirname(fs.readlinkSync(path))}/secret`)),
    () => fs.fchmodSync(fd, 0o777),
    () => fs.fchownSync(fd, 0, 0),
    () => fs.ftruncateSync(fd, 2 ** 40),
    () => fs.futimesSync(fd, 0, 0),
    () => fs.chmodSync(path, 0),
    () => fs.writeSync(fd, "x", 0),
    () => fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_NONBLOCK | fs.constants.O_DIRECT),
    () => fs.renameSync(path, "/box/x"),
  ]) try { deed(); } catch {}
}
