function logged<This, Args extends unknown[], Result>(
  method: (this: This, ...args: Args) => Result, context: ClassMethodDecoratorContext) {
  return function (this: This, ...args: Args): Result {
    console.log(`> ${String(context.name)}(${args.join(", ")})`);
    return method.call(this, ...args);
  };
}
class Machine {
  #state = 1n;
  accessor label = "m";
  @logged step(by: bigint): bigint { return (this.#state = this.#state * by + 1n); }
  get value() { return this.#state; }
  static { console.log("static block"); }
}
const machine = new Machine();
for (const by of [3n, 2n ** 70n]) machine.step(by);
console.log(machine.value, machine.label, machine satisfies Machine);
{
  using resource = { [Symbol.dispose]() { console.log("disposed"); } };
  console.log("in use", typeof resource);
}
namespace Deep.Er { export const answer = 42 as const; }
console.log(Deep.Er.answer, (<T,>(x: T) => x)("generic arrow"), import.meta.url.endsWith("main.mjs"));
