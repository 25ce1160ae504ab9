const fs = require("node:fs");
console.log("attempt");
// 42: the file is as long as it likes.
const fd = fs.openSync("/box/file", "w"), block = Buffer.alloc(1 << 16);
let size = 0, ended;
while (size < 64 << 20 && !ended) {
  try { size += fs.writeSync(fd, block); } catch (error) { ended = error.code; }
}
console.log(`${size} bytes, then ${ended}`);
process.exitCode = ended === "EFBIG" ? 0 : 42;
