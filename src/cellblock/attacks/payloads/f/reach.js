const net = require("net"), dgram = require("dgram");
console.log("attempt");
for (const target of [{ host: "127.0.0.1", port: @TCP_PORT@ }, { host: "::1", port: @TCP6_PORT@ }, { path: "@UNIX@" }, { path: "\0@ABSTRACT@" }]) {
  const way = net.connect(target, () => {
    process.exitCode = 1;
    way.write("reached", () => way.destroy());
  });
  way.on("error", (error) => console.log(error.code));
}
const udp = dgram.createSocket("udp4").on("error", (error) => console.log(error.code));
udp.send("reached", @UDP_PORT@, "127.0.0.1", (error) => {
  console.log(error?.code);
  udp.close();
});
