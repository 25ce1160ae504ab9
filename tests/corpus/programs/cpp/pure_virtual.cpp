#include <cstdio>
struct Base { Base() { call(); } virtual void pure() = 0; void call() { pure(); } virtual ~Base() = default; };
struct Derived : Base { void pure() override { std::puts("derived"); } };
int main() { std::puts("before"); std::fflush(stdout); Derived derived; }
