const fs = require("fs"), os = require("os"), path = require("path");
console.log(process.argv, process.execPath, process.execArgv, __filename, __dirname, process.cwd(), require.main === module);
console.log(Object.entries(process.env).sort(), process.title.length > 0, process.umask().toString(8));
console.log(fs.readdirSync("."), Object.keys(require.cache), module.paths, process.stdout.isTTY, process.stdin.isTTY);
console.log(Object.getOwnPropertyNames(globalThis).sort().join(" "));
console.log(process.version, process.arch, process.platform, os.tmpdir(), os.EOL === "\n", path.sep);
console.log(process.eventNames().map(String), process.listenerCount("exit"), process.exitCode, process.features.typescript);
console.log(process.getActiveResourcesInfo(), typeof require("module").register, process.allowedNodeEnvironmentFlags.size > 10);
