const fs = require("fs");
console.log("attempt");
// 42: one of them was made.
for (const place of ["/box/sparse", "/tmp/sparse", "/dev/shm/sparse"]) {
  const fd = fs.openSync(place, "w");
  for (const deed of [() => fs.ftruncateSync(fd, 2 ** 40), () => fs.writeSync(fd, "x", 2 ** 40)]) {
    try { deed(); process.exit(42); } catch (error) { console.log(error.code); if (error.code !== "EFBIG") throw error; }
  }
}
