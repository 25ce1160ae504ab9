#include <algorithm>
#include <chrono>
#include <format>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <ranges>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>
struct Noisy { std::string name; ~Noisy() { std::cout << "~" << name << "\n"; } };
template <class... T> struct overloaded : T... { using T::operator()...; };
int main() {
    std::mt19937 engine(42);
    std::vector<int> values(1000);
    std::ranges::generate(values, [&] { return int(engine() % 10007); });
    std::ranges::sort(values);
    std::cout << values.front() << " " << values[500] << " " << std::accumulate(values.begin(), values.end(), 0L) << "\n";
    std::map<std::string, std::vector<int>> byWord{{"zoë", {1, 2}}, {"adam", {}}};
    for (auto& [word, numbers] : byWord) std::cout << std::format("{:>8}|{:<5}|{:#x}\n", word, numbers.size(), 255);
    for (int n : values | std::views::filter([](int v) { return v % 97 == 0; }) | std::views::take(4)) std::cout << n << ",";
    std::variant<int, double, std::string> v = 0.1 + 0.2;
    std::visit(overloaded{[](int) {}, [](double d) { std::cout << std::format("{} {:.20f}\n", d, d); }, [](auto&) {}}, v);
    auto shared = std::make_shared<Noisy>("shared");
    { auto other = shared; std::unique_ptr<Noisy> unique(new Noisy{"unique"}); std::cout << shared.use_count() << "\n"; }
    std::optional<int> none;
    std::cout << none.value_or(-1) << " " << (1 <=> 2 < 0) << " " << std::chrono::sys_days(std::chrono::year(2024)/2/29).time_since_epoch().count() << "\n";
    static Noisy last{"static"};
    std::set<char32_t> letters{U'z', U'ä', U'a'};
    return int(letters.size());
}
