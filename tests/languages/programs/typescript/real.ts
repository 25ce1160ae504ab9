// Symbolic expressions: parse, differentiate, simplify, evaluate; a typed store beside them.

type Expression =
  | { kind: "number"; value: number }
  | { kind: "variable"; name: string }
  | { kind: "binary"; operator: Operator; left: Expression; right: Expression };

type Operator = "+" | "-" | "*" | "/" | "^";

enum Binding {
  Sum = 1,
  Product,
  Power,
}

const BINDING: Record<Operator, Binding> = {
  "+": Binding.Sum,
  "-": Binding.Sum,
  "*": Binding.Product,
  "/": Binding.Product,
  "^": Binding.Power,
};

const num = (value: number): Expression => ({ kind: "number", value });
const variable = (name: string): Expression => ({ kind: "variable", name });
const binary = (operator: Operator, left: Expression, right: Expression): Expression => ({
  kind: "binary",
  operator,
  left,
  right,
});

class ParseError extends Error {
  constructor(message: string, readonly position: number) {
    super(`${message} at ${position}`);
  }
}

class Parser {
  private position = 0;

  constructor(private readonly text: string) {}

  parse(): Expression {
    const expression = this.expression(0);
    if (this.peek() !== "") throw new ParseError(`unexpected ${this.peek()}`, this.position);
    return expression;
  }

  private peek(): string {
    while (this.text[this.position] === " ") this.position++;
    return this.text[this.position] ?? "";
  }

  private expression(least: number): Expression {
    let left = this.atom();
    for (;;) {
      const operator = this.peek();
      if (!isOperator(operator) || BINDING[operator] <= least) return left;
      this.position++;
      const rightAssociative = operator === "^";
      left = binary(operator, left, this.expression(BINDING[operator] - (rightAssociative ? 1 : 0)));
    }
  }

  private atom(): Expression {
    const character = this.peek();
    if (character === "(") {
      this.position++;
      const inner = this.expression(0);
      if (this.peek() !== ")") throw new ParseError("missing )", this.position);
      this.position++;
      return inner;
    }
    const match = /^(\d+(\.\d+)?|[a-z])/.exec(this.text.slice(this.position));
    if (match === null) throw new ParseError("expected a number, a name or (", this.position);
    this.position += match[0].length;
    return /\d/.test(match[0]) ? num(Number(match[0])) : variable(match[0]);
  }
}

function isOperator(text: string): text is Operator {
  return text in BINDING;
}

function evaluate(e: Expression, values: Readonly<Record<string, number>>): number {
  switch (e.kind) {
    case "number":
      return e.value;
    case "variable":
      return values[e.name] ?? NaN;
    case "binary": {
      const [a, b] = [evaluate(e.left, values), evaluate(e.right, values)];
      const apply: Record<Operator, () => number> = {
        "+": () => a + b,
        "-": () => a - b,
        "*": () => a * b,
        "/": () => a / b,
        "^": () => a ** b,
      };
      return apply[e.operator]();
    }
  }
}

function derive(e: Expression, by: string): Expression {
  if (e.kind === "number") return num(0);
  if (e.kind === "variable") return num(e.name === by ? 1 : 0);
  const { operator, left, right } = e;
  const [dl, dr] = [derive(left, by), derive(right, by)];
  switch (operator) {
    case "+":
    case "-":
      return binary(operator, dl, dr);
    case "*":
      return binary("+", binary("*", dl, right), binary("*", left, dr));
    case "/":
      return binary("/", binary("-", binary("*", dl, right), binary("*", left, dr)), binary("^", right, num(2)));
    case "^":
      if (right.kind !== "number") throw new TypeError("only constant exponents");
      return binary("*", binary("*", right, binary("^", left, num(right.value - 1))), dl);
  }
}

function simplify(e: Expression): Expression {
  if (e.kind !== "binary") return e;
  const [left, right] = [simplify(e.left), simplify(e.right)];
  const is = (x: Expression, value: number) => x.kind === "number" && x.value === value;
  if (left.kind === "number" && right.kind === "number") return num(evaluate(binary(e.operator, left, right), {}));
  if (e.operator === "+" && is(left, 0)) return right;
  if ((e.operator === "+" || e.operator === "-") && is(right, 0)) return left;
  if (e.operator === "*" && (is(left, 0) || is(right, 0))) return num(0);
  if (e.operator === "*" && is(left, 1)) return right;
  if ((e.operator === "*" || e.operator === "/" || e.operator === "^") && is(right, 1)) return left;
  return binary(e.operator, left, right);
}

function show(e: Expression, outer = 0): string {
  if (e.kind === "number") return String(e.value);
  if (e.kind === "variable") return e.name;
  const binding = BINDING[e.operator];
  const right = show(e.right, e.operator === "-" || e.operator === "/" ? binding + 0.5 : binding);
  const text = `${show(e.left, binding)}${e.operator}${right}`;
  return binding < outer ? `(${text})` : text;
}

class Store<K extends string, V> {
  private readonly items = new Map<K, V>();
  private readonly listeners: Array<(key: K, value: V) => void> = [];

  onChange(listener: (key: K, value: V) => void): this {
    this.listeners.push(listener);
    return this;
  }

  set(key: K, value: V): this {
    this.items.set(key, value);
    this.listeners.forEach((listener) => listener(key, value));
    return this;
  }

  map<R>(change: (value: V) => R): Store<K, R> {
    const mapped = new Store<K, R>();
    for (const [key, value] of this.items) mapped.set(key, change(value));
    return mapped;
  }

  *[Symbol.iterator](): IterableIterator<[K, V]> {
    yield* this.items;
  }
}

const changes: string[] = [];
const expressions = new Store<"line" | "curve" | "ratio", Expression>()
  .onChange((key, value) => changes.push(`${key}=${show(value)}`))
  .set("line", new Parser("3*x + 4").parse())
  .set("curve", new Parser("x^3 - 2*x^2 + (x - 1)*2").parse())
  .set("ratio", new Parser("(x + 1)/(x - 1)").parse());
console.log(changes.join("; "));

for (const [name, derivative] of expressions.map((e) => simplify(derive(e, "x")))) {
  console.log(name, show(derivative), evaluate(derivative, { x: 3 }).toFixed(2));
}
console.log(evaluate(new Parser("2^3^2 - 100/10/5").parse(), {}));
for (const text of ["2 * (3", "1 + * 2", "4 5"]) {
  try {
    new Parser(text).parse();
  } catch (error) {
    console.log(error instanceof ParseError ? `${error.position}: ${error.message}` : "?");
  }
}
