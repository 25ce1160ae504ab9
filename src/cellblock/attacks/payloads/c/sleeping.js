require("fs").writeSync(1, "attempt\n");
for (const name of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(name, () => {});
setInterval(() => {}, 1000);
