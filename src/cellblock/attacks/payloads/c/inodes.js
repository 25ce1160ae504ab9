const fs = require("node:fs");
console.log("attempt");
// 42: no limit of files ended it.
let ended;
for (let made = 0; made < 32768 && !ended; made++) {
  try { fs.closeSync(fs.openSync(`/tmp/${made}`, "w")); } catch (error) { console.log(made, ended = error.code); }
}
process.exitCode = ended === "ENOSPC" ? 0 : 42;
