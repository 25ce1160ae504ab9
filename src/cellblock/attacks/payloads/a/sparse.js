const fs = require("fs");
console.log("attempt");
try { fs.truncateSync(fs.openSync("/box/sparse", "w") && "/box/sparse", 2 ** 40); } catch (error) { console.log(error.code); }
