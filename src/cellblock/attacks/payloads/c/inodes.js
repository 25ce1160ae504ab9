const fs = require("node:fs");
console.log("attempt");
for (let made = 0; ; made++) {
  try { fs.closeSync(fs.openSync(`/tmp/${made}`, "w")); } catch (error) { console.log(made, error.code); break; }
}
