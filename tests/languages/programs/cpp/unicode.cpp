#include <iostream>
#include <string>

int main() {
    std::string line;
    std::cout << "Grüße ∑ 日本語 🚀" << std::endl;
    std::getline(std::cin, line);
    std::cout << line << std::endl;
}
