#define E undeclared something;
#define F E E E E E E E E E E
#define G F F F F F F F F F F
#define H G G G G G G G G G G
H H H H H H H H H H
int main(void) { return 0; }
