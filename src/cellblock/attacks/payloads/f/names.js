const dns = require("dns");
console.log("attempt");
// Whoever says that there is no such name was asked.
const judge = (error, found) => {
  console.log(error && error.code, found);
  if (!error || !["EAI_AGAIN", "ECONNREFUSED", "ETIMEOUT"].includes(error.code)) process.exitCode = 1;
};
dns.lookup("@MARK@.invalid", judge);
dns.resolve4("@MARK@.invalid", judge);
