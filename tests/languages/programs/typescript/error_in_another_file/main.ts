import { half } from "./lib/half";

console.log(half(2));
