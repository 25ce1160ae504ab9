for (let n = 0; n < 20000; n++) process.stdout.write(`${n} ${"é".repeat(n % 40)}\n`);
for (let n = 0; n < 500; n++) console.error("err", n);
process.stdout.write(Buffer.from(Array.from({ length: 256 }, (_, n) => n)));
