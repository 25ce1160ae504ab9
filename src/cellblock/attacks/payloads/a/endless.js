const fs = require("fs");
fs.writeSync(1, "attempt\n");
for (;;) try { fs.writeSync(1, "x".repeat(65536)); } catch {}
