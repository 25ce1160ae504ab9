const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
async function worker(n: number): Promise<number> {
  await sleep(3 * n);
  if (n === 3) throw new TypeError(`worker ${n}`);
  return n ** 2;
}
console.log(await Promise.all([0, 1, 2].map(worker)));
console.log((await Promise.allSettled([worker(3), worker(1)])).map((each) => each.status));
process.on("exit", (code) => console.log("exit", code));
void worker(3);
await sleep(200);
console.log("never");
