#include <bits/stdc++.h>
using namespace std;

template <typename T>
concept Number = is_arithmetic_v<T>;

auto total(const ranges::range auto &numbers) requires Number<ranges::range_value_t<decltype(numbers)>> {
    return accumulate(begin(numbers), end(numbers), 0LL);
}

int main() {
    vector<int> numbers(istream_iterator<int>(cin), {});
    ranges::sort(numbers, greater{});
    auto even = numbers | views::filter([](int n) { return n % 2 == 0; });
    map<int, string> names{{1, "one"}, {2, "two"}};
    auto [smallest, largest] = ranges::minmax(numbers);
    cout << total(numbers) << ' ' << ranges::distance(even) << ' ' << names.at(2) << ' ' << smallest << ' '
         << largest << ' ' << __cplusplus << endl;
}
