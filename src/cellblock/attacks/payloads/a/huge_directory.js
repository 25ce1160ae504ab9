const fs = require("node:fs");

fs.writeSync(1, "attempt\n");
// 42: no limit of files ended it.
let ended;
for (let made = 0; made < 32768 && !ended; made++) {
  try { fs.symlinkSync("x".repeat(3000), `/tmp/${String(made).padStart(200, "0")}`); } catch (error) { console.log(made, ended = error.code); }
}
process.exitCode = ended === "ENOSPC" ? 0 : 42;
