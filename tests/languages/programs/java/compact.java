int twice(int n) {
    return 2 * n;
}

void main() {
    IO.println("compact " + twice(21));
}
