const os = require("os");
console.log("attempt");
console.log(os.totalmem(), os.freemem(), os.loadavg(), os.uptime());
process.exitCode = os.totalmem() === @MEMORY_BYTES@ ? 1 : 0;
