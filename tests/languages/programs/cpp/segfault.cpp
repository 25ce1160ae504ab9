#include <iostream>

int main() {
    std::cout << "before" << std::endl;
    *static_cast<volatile int *>(nullptr) = 1;
}
