const readline = require("readline");
const lines = [];
const reader = readline.createInterface({ input: process.stdin });
reader.on("line", (line) => lines.push(line));
reader.on("close", () => {
  console.log(lines.length, lines[0], lines.at(-1), lines.join(" ").match(/\d+/g).map(Number));
  require("fs").mkdirSync("a/b", { recursive: true });
  require("fs").writeFileSync("a/b/ü", Buffer.alloc(100_000, "xyz"));
  console.log(require("fs").statSync("a/b/ü").size, require("fs").readdirSync("a", { recursive: true }));
  process.exitCode = 23;
});
