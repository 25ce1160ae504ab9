const crypto = require("node:crypto");
const fs = require("node:fs");

console.log("attempt");
// See luck.py.
console.log("random", Math.random());
console.log("uuid", crypto.randomUUID());
console.log("bytes", crypto.randomBytes(8).toString("hex"));
console.log("key", crypto.generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "der" }).toString("hex"));
console.log("directory", fs.mkdtempSync("/tmp/luck-"));
