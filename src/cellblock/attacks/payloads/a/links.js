const { execFileSync } = require("node:child_process");
const fs = require("node:fs"), net = require("node:net");

console.log("attempt");
process.umask(0);
const NAMES = ["main.js", "stdout", "stderr", "main", "stdin", "result",
  "output", "out", "core", "compile.log", "code", "box"];

// See links.py.
const kinds = [
  (path) => fs.symlinkSync("@SECRET@", path),
  (path, before) => { try { fs.linkSync("@SECRET@", path); } catch { fs.linkSync(before, path); } },
  (path) => fs.symlinkSync("@CANARY_DIR@/open", path),
  (path) => fs.symlinkSync("@CANARY_DIR@", path),
  (path) => execFileSync("/usr/bin/mkfifo", ["-m", "666", path], { stdio: "ignore" }),
  (path) => {
    // Node takes its sockets away at its end, from where it has put them.
    net.createServer().on("error", () => {}).listen(`${path}.new`).unref();
    fs.renameSync(`${path}.new`, path);
  },
];
["/box", "/tmp", "/dev/shm", "/out"].forEach((place, shift) => NAMES.forEach((name, number) => {
  const path = `${place}/${name}`;
  try {
    fs.rmSync(path, { force: true });
    kinds[(number + 2 * shift) % 6](path, `${place}/${NAMES[number - 1]}`);
  } catch (error) {
    if (place !== "/out") throw error; // a compiler's, which others have not
  }
}));
fs.mkdirSync("/box/deep");
process.chdir("/box/deep");
for (let n = 0; n < 2000; n++) {
  fs.mkdirSync("d");
  process.chdir("d");
}
fs.symlinkSync("@CANARY_DIR@", "bait");
fs.chmodSync("/box", 0);
