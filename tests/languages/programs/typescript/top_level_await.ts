import * as readline from "node:readline";

enum Size { Small = 1, Large }
const path = require("path");
const lines: string[] = [];
for await (const line of readline.createInterface({ input: process.stdin })) {
  lines.push(line);
}
console.log(lines.length, Size.Large, path.join("a", "b"), typeof __dirname);
