const { Rectangle } = require("./shapes/rectangle");
const words = require("./shapes/words.cjs");

const r = new Rectangle(3, 4);
console.log("area", r.area());
console.log("perimeter", r.perimeter());
import("./shapes/greeting.mjs").then((greeting) => console.log(greeting.default, words.place));
