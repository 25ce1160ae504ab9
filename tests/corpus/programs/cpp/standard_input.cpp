#include <fstream>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>
#include <regex>
int main(int argc, char** argv) {
    std::ios::sync_with_stdio(false);
    std::string line; double total = 0; int lines = 0;
    while (std::getline(std::cin, line)) { std::istringstream words(line); double x; lines++; while (words >> x) total += x; }
    std::cout << lines << " " << std::setprecision(17) << total << " " << std::hex << 255 << " " << argc << argv[1] << "\n";
    std::filesystem::create_directories("a/b");
    std::ofstream("a/b/ü.txt") << "content\n";
    for (auto& entry : std::filesystem::recursive_directory_iterator("a")) std::cout << entry.path() << entry.is_directory() << "\n";
    std::cout << std::regex_replace(std::string("2024-05-06"), std::regex("(\\d+)-(\\d+)"), "$2/$1") << std::filesystem::current_path() << "\n";
    try { std::filesystem::remove("/usr/bin/env"); } catch (const std::filesystem::filesystem_error& e) { std::cerr << "refused\n"; }
    std::clog << "logged" << std::endl;
    return -1;
}
