const fs = require("fs");
console.log("attempt");
const attempt = (deed) => { try { console.log(String(deed())); } catch (error) { console.log(error.code); } };
for (const way of ["", "/proc/self/root", "/proc/1/root", "/proc/self/cwd/../../../..", "/.."]) {
  for (const place of ["@CANARY_DIR@", "@CANARY_DIR_TWO@", "@CANARY_DIR_THREE@"]) {
    attempt(() => fs.readFileSync(way + place + "/secret"));
    attempt(() => fs.appendFileSync(way + place + "/open", "x"));
    attempt(() => fs.writeFileSync(way + place + "/written", "x"));
    attempt(() => fs.symlinkSync("/etc/shadow", way + place + "/link"));
    attempt(() => fs.unlinkSync(way + place + "/open"));
  }
}
