class Refused extends Error {
  constructor(public amount: number, options?: ErrorOptions) {
    super(`cannot take ${amount}`, options);
    this.name = "Refused";
  }
}

function inner(depth: number): number {
  if (depth > 0) return inner(depth - 1);
  throw new RangeError("größer als erlaubt");
}

function outer(): void {
  try {
    inner(2);
  } catch (cause) {
    throw new Refused(12, { cause });
  }
}

console.log("before");
outer();
