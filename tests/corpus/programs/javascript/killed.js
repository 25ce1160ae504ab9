process.on("SIGUSR2", (name) => {
  require("fs").writeSync(1, `handled ${name}\n`);
  process.kill(process.pid, "SIGTERM");
});
setInterval(() => {}, 1000);
process.kill(process.pid, "SIGUSR2");
