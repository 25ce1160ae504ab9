require("node:fs").writeSync(1, "attempt\n");
for (const name of Object.keys(require("node:os").constants.signals)) try { process.on(name, () => {}); } catch {}
setInterval(() => {}, 1000);
