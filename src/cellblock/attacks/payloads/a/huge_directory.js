const fs = require("node:fs");

fs.writeSync(1, "attempt\n");
for (let made = 0; ; made++) {
  try { fs.symlinkSync("x".repeat(3000), `/tmp/${String(made).padStart(200, "0")}`); } catch (error) { console.log(made, error.code); break; }
}
