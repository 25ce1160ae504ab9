char filled[10L << 30] = {1};
int main(void) { return filled[0]; }
