class Refused extends Error {
  constructor(amount, options) { super(`cannot take ${amount}: größer`, options); this.name = "Refused"; this.amount = amount; }
}
function inner(n) { return n ? inner(n - 1) : null.property; }
function outer() {
  try { inner(3); } catch (cause) { throw new Refused(12, { cause }); }
}
console.log("before");
try { outer(); } catch (error) { console.log(error.stack, error.cause.message); }
process.on("exit", (code) => console.log("exit", code));
setTimeout(() => { outer(); }, 5);
