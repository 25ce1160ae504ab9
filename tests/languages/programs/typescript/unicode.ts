import { readFileSync } from "node:fs";

console.log("Grüße ∑ 日本語 🚀");
console.log(readFileSync(0, "utf8").trimEnd());
