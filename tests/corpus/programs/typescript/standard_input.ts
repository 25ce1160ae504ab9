import { readFileSync, writeFileSync, readdirSync } from "node:fs";
import { createInterface } from "node:readline/promises";

const lines: string[] = [];
for await (const line of createInterface({ input: process.stdin })) lines.push(line);
const totals = new Map<string, number>();
for (const [name, amount] of lines.map((line) => line.split(" ") as [string, string]))
  totals.set(name, (totals.get(name) ?? 0) + Number(amount));
console.log([...totals].sort(([a], [b]) => a.localeCompare(b, "de")));
writeFileSync("written.json", JSON.stringify(Object.fromEntries(totals)));
console.log(readFileSync("written.json", "utf8"), readdirSync("."), process.argv.slice(2));
process.stderr.write("done\n");
process.exit(4);
