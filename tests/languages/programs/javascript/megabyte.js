for (let i = 0; i < 65536; i++) {
  process.stdout.write("0123456789abcde\n");
}
