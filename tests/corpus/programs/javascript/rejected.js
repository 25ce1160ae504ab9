const { AsyncLocalStorage } = require("async_hooks");
const storage = new AsyncLocalStorage();
process.on("uncaughtExceptionMonitor", (error, origin) => console.log("monitor", error.message, origin));
async function work(n) {
  await new Promise((resolve) => setTimeout(resolve, 2));
  if (n === 2) throw new TypeError("rejected " + storage.getStore());
  return n;
}
storage.run("ctx", async () => {
  console.log(await Promise.allSettled([work(0), work(1), work(2)]));
  process.nextTick(() => console.log("tick"));
  Promise.resolve().then(() => console.log("micro"));
  setImmediate(() => console.log("immediate"));
  await work(2);
});
