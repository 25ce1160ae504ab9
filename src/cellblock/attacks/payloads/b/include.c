#include "@TARGET@"
int main(void) { return 0; }
