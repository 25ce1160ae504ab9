const chunks: Buffer[] = [];
for (;;) {
  chunks.push(Buffer.alloc(1_000_000, 1));
}
