#include <cstdlib>
#include <iostream>

int main() {
    std::cout << "before" << std::endl;
    std::cerr << "failing" << std::endl;
    std::exit(3);
}
