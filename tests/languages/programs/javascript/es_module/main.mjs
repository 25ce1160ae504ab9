import { readFile } from "node:fs/promises";
import total from "./lib/total.mjs";

const data = JSON.parse(await readFile(new URL("./lib/data.json", import.meta.url), "utf8"));
console.log(total(data), typeof require);
