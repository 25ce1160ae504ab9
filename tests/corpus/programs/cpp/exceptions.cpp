#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
struct Guard { std::string name; ~Guard() { std::cout << "unwound " << name << std::endl; } };
void inner(int n) { Guard guard{std::to_string(n)}; if (n == 0) throw std::out_of_range("größer"); inner(n - 1); }
void print(const std::exception& e, int depth = 0) {
    std::cout << std::string(depth, ' ') << e.what() << "\n";
    try { std::rethrow_if_nested(e); } catch (const std::exception& below) { print(below, depth + 1); }
}
int main() {
    try { try { inner(2); } catch (...) { std::throw_with_nested(std::runtime_error("outer")); } }
    catch (const std::exception& e) { print(e); }
    try { std::string("short").at(10); } catch (const std::out_of_range& e) { std::cerr << e.what() << "\n"; }
    std::cout << "uncaught next" << std::endl;
    throw std::logic_error("nobody catches this");
}
