const { Worker, isMainThread, parentPort, workerData } = require("worker_threads");
const { spawnSync, execFile } = require("child_process");
if (!isMainThread) {
  parentPort.postMessage(workerData.reduce((sum, n) => sum + n, 0));
} else {
  const done = spawnSync("/bin/sh", ["-c", "cat; echo err >&2; exit 9"], { input: "über cat" });
  console.log(done.status, done.stdout.toString(), done.stderr.toString());
  console.log(spawnSync("/bin/sh", ["-c", "kill -KILL $$"]).signal, spawnSync("/nonexistent").error.code);
  execFile(process.execPath, ["-p", "6 * 7"], (error, stdout) => {
    console.log(error, stdout);
    const worker = new Worker(__filename, { workerData: [1, 2, 3, 4] });
    worker.on("message", (sum) => console.log("worker says", sum));
    worker.on("exit", (code) => console.log("worker ended", code));
  });
}
