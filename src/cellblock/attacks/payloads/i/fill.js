const fs = require("node:fs");
console.log("attempt");
for (const place of ["/box", "/tmp", "/dev/shm", "/out", "/var/tmp", "/run", ""]) {
  try {
    for (let number = 0; ; number++) fs.writeFileSync(`${place}/fill${number}`, Buffer.alloc(900_000));
  } catch (error) { console.log(place, error.code); }
}
