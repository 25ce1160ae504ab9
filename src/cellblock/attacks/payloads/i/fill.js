const fs = require("node:fs");
console.log("attempt");
// 42: a file is where none may be, or no limit of bytes ended it.
for (const place of ["/out", "/var/tmp", "/run", ""]) {
  try { fs.writeFileSync(`${place}/fill`, ""); process.exit(42); } catch (error) { console.log(place, error.code); }
}
let made = 0;
for (const place of ["/box", "/tmp", "/dev/shm"]) {
  try {
    for (; made < 1200; made++) fs.writeFileSync(`${place}/fill${made}`, Buffer.alloc(900_000));
    process.exit(42);
  } catch (error) { console.log(place, made, error.code); if (error.code !== "ENOSPC") process.exit(42); }
}
