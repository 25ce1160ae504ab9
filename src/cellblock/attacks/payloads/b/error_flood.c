#define E undeclared + undeclared_too + 
#define F E E E E E E E E E E
#define G F F F F F F F F F F
#define H G G G G G G G G G G
int main(void) { return H H H H H H H H H H 1 }
