import * as dgram from "node:dgram";
import * as net from "node:net";

console.log("attempt");
const ways: net.NetConnectOpts[] = [
  { host: "127.0.0.1", port: @TCP_PORT@ }, { host: "::1", port: @TCP6_PORT@ }, { path: "@UNIX@" }, { path: "\0@ABSTRACT@" },
];
for (const target of ways) {
  const way = net.connect(target, () => {
    process.exitCode = 1;
    way.write("reached", () => way.destroy());
  });
  way.on("error", (error: Error) => console.log(error.message));
}
const udp = dgram.createSocket("udp4").on("error", (error: Error) => console.log(error.message));
udp.send("reached", @UDP_PORT@, "127.0.0.1", (error) => {
  console.log(error?.message);
  udp.close();
});
