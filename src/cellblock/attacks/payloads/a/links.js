const fs = require("fs");
console.log("attempt");
for (const place of ["/box", "/tmp", "/dev/shm"]) {
  for (const name of ["main.js", "main", "stdout", "stderr", "stdin", "out", "output", "core", "package.json"]) {
    try { fs.unlinkSync(`${place}/${name}`); } catch {}
    try { fs.symlinkSync("@CANARY_DIR@/open", `${place}/${name}`); } catch (error) { console.log(error.code); }
  }
}
fs.chmodSync("/box", 0);
