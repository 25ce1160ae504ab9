const http = require("http");
console.log("attempt");
for (const host of ["127.0.0.1", "0.0.0.0", "localhost", "::1"]) {
  const ask = http.get({ host, port: @SERVICE_PORT@, path: "/api/health" }, (answer) => {
    console.log(answer.statusCode);
    process.exit(1);
  });
  ask.on("error", (error) => console.log(error.code));
}
