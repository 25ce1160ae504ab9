import { shout } from "./lib.js";

console.log(shout(await Promise.resolve("module")));
