#include <vector>

int main() {
    std::vector<std::vector<char>> chunks;
    for (;;)
        chunks.emplace_back(1'000'000, 'x');
}
