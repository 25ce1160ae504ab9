import { Rectangle } from "./shapes/rectangle";
import { greeting } from "./shapes/words.js";
import type { Shape } from "./shapes/shape.ts";
import place from "./shapes/place.json";

const shape: Shape = new Rectangle(3, 4);
console.log("area", shape.area());
console.log("perimeter", shape.perimeter());
console.log(greeting(place.name));
