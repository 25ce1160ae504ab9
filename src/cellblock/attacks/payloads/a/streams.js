const fs = require("node:fs");

fs.writeSync(1, "attempt\n");
for (const fd of [0, 1, 2]) {
  const path = `/proc/self/fd/${fd}`;
  for (const deed of [
    () => fs.fchmodSync(fd, 0o777),
    () => fs.fchownSync(fd, 0, 0),
    () => fs.ftruncateSync(fd, 2 ** 40),
    () => fs.futimesSync(fd, 0, 0),
    () => fs.chmodSync(path, 0),
    () => fs.writeSync(fd, "x", 10),
    () => fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_NONBLOCK | fs.constants.O_DIRECT),
    () => fs.openSync(`${path}/../../../@CANARY_DIR@/open`, "r+"),
    () => fs.renameSync(path, "/box/x"),
  ]) try { deed(); } catch {}
}
