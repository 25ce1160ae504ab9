interface Shape { readonly kind: string; area(): number }
enum Colour { Red = 1, Green = Red << 2, Blue }
abstract class Base implements Shape {
  static made = 0;
  constructor(public readonly kind: string, protected colour: Colour = Colour.Blue) { Base.made++; }
  abstract area(): number;
  toString(): string { return `${this.kind} ${Colour[this.colour]} ${this.area().toFixed(3)}`; }
}
class Circle extends Base { constructor(private r: number) { super("circle"); } area() { return Math.PI * this.r ** 2; } }
class Square extends Base { constructor(private s: number) { super("square", Colour.Red); } area() { return this.s ** 2; } }
type Pair<A, B = A> = readonly [A, B];
function zip<A, B>(as: A[], bs: B[]): Pair<A, B>[] { return as.map((a, n) => [a, bs[n]!] as const); }
const shapes: Shape[] = [new Circle(1.5), new Square(2)];
console.log(shapes.map(String), zip([1, 2], ["x", "ü"]), Base.made, Colour);
function assertNever(x: never): never { throw new Error(`unexpected ${JSON.stringify(x)}`); }
function area(s: { t: "a"; n: number } | { t: "b"; m: string }): string {
  switch (s.t) { case "a": return `${s.n}`; case "b": return s.m; default: return assertNever(s); }
}
console.log(area({ t: "a", n: 0.1 + 0.2 }), area({ t: "b", m: "日本" }));
function* count(to: number): Generator<number, string, void> { for (let n = 0; n < to; n++) yield n; return "end"; }
console.log([...count(5)], Object.groupBy([1, 2, 3, 4], (n) => (n % 2 ? "odd" : "even")));
