import * as fs from "node:fs";
import * as os from "node:os";

console.log(process.argv, process.execPath, process.execArgv, __filename, __dirname, process.cwd(), import.meta.url);
console.log(Object.entries(process.env).sort(), process.title.length > 0, process.umask().toString(8));
console.log(fs.readdirSync("."), fs.readdirSync("/out"), process.stdout.isTTY, process.stdin.isTTY, os.tmpdir());
console.log(Object.getOwnPropertyNames(globalThis).sort().join(" "));
console.log(fs.readFileSync("/proc/self/cmdline", "latin1"), fs.readFileSync("/proc/self/comm", "latin1"));
console.log(process.eventNames().map(String), process.listenerCount("exit"), process.exitCode, process.getActiveResourcesInfo());
