const fs = require("fs");
fs.writeSync(1, "attempt\n");
for (;;) for (const fd of [1, 2]) try { fs.writeSync(fd, "x".repeat(65536)); } catch {}
