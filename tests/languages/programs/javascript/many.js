const { spawn } = require("node:child_process");

for (let i = 0; i < 200; i++) {
  spawn("/bin/sleep", ["100"]).on("error", (error) => {
    console.error(error.message);
    process.exit(1);
  });
}
