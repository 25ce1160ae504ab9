const fs = require("node:fs");

console.log("attempt");
// See layout.py.
for (const line of fs.readFileSync("/proc/self/maps", "latin1").split("\n"))
  if (/\[stack\]$|\[heap\]$|libc\.so/.test(line)) console.log("map", line.split(" ")[0]);
