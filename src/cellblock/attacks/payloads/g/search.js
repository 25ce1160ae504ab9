const fs = require("fs");
console.log("attempt");
console.log(JSON.stringify(process.env), process.argv);
let found = JSON.stringify(process.env).includes("CELLBLOCK");
for (const path of ["/proc/1/environ", "/proc/self/environ", "/proc/@SUPERVISOR_PID@/environ", "@SECRET@", "/proc/1/root@SECRET@"]) {
  try { const text = fs.readFileSync(path, "latin1"); found ||= text.includes("CELLBLOCK"); console.log(text); } catch (error) { console.log(error.code); }
}
process.exit(found ? 42 : 0);
