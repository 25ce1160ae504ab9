console.log("before");
console.error("failing");
process.exit(3);
