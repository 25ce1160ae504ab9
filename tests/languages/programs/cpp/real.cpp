// Big integers, sudoku, matrices and shortest words, with templates and the standard library.
#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <queue>
#include <ranges>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

class BigInteger {
  public:
    BigInteger(std::uint64_t value = 0) {
        for (; value; value /= base)
            limbs_.push_back(static_cast<std::uint32_t>(value % base));
    }

    BigInteger &operator+=(const BigInteger &other) {
        std::uint64_t carry = 0;
        for (std::size_t i = 0; i < std::max(limbs_.size(), other.limbs_.size()) || carry; i++) {
            if (i == limbs_.size())
                limbs_.push_back(0);
            carry += limbs_[i] + (i < other.limbs_.size() ? other.limbs_[i] : 0ull);
            limbs_[i] = static_cast<std::uint32_t>(carry % base);
            carry /= base;
        }
        return *this;
    }

    friend BigInteger operator+(BigInteger a, const BigInteger &b) { return a += b; }

    friend BigInteger operator*(const BigInteger &a, const BigInteger &b) {
        BigInteger product;
        product.limbs_.assign(a.limbs_.size() + b.limbs_.size(), 0);
        for (std::size_t i = 0; i < a.limbs_.size(); i++) {
            std::uint64_t carry = 0;
            for (std::size_t j = 0; j < b.limbs_.size() || carry; j++) {
                carry += product.limbs_[i + j] +
                         static_cast<std::uint64_t>(a.limbs_[i]) * (j < b.limbs_.size() ? b.limbs_[j] : 0);
                product.limbs_[i + j] = static_cast<std::uint32_t>(carry % base);
                carry /= base;
            }
        }
        while (!product.limbs_.empty() && product.limbs_.back() == 0)
            product.limbs_.pop_back();
        return product;
    }

    friend std::ostream &operator<<(std::ostream &out, const BigInteger &n) {
        if (n.limbs_.empty())
            return out << 0;
        out << n.limbs_.back();
        for (auto limb : n.limbs_ | std::views::reverse | std::views::drop(1))
            out << std::setw(9) << std::setfill('0') << limb;
        return out << std::setfill(' ');
    }

  private:
    static constexpr std::uint64_t base = 1'000'000'000;
    std::vector<std::uint32_t> limbs_;
};

template <typename T, std::size_t N>
struct Matrix {
    std::array<std::array<T, N>, N> cells{};

    static Matrix identity() {
        Matrix m;
        for (std::size_t i = 0; i < N; i++)
            m.cells[i][i] = T(1);
        return m;
    }

    friend Matrix operator*(const Matrix &a, const Matrix &b) {
        Matrix m;
        for (std::size_t i = 0; i < N; i++)
            for (std::size_t j = 0; j < N; j++)
                for (std::size_t k = 0; k < N; k++)
                    m.cells[i][j] += a.cells[i][k] * b.cells[k][j];
        return m;
    }
};

template <typename T>
T power(T base, unsigned exponent, T result) {
    for (; exponent; exponent /= 2, base = base * base)
        if (exponent % 2)
            result = result * base;
    return result;
}

class Sudoku {
  public:
    explicit Sudoku(std::string_view text) {
        std::ranges::transform(text, cells_.begin(), [](char c) { return c == '.' ? 0 : c - '0'; });
    }

    bool solve() {
        std::optional<std::size_t> best;
        std::vector<int> choices;
        for (std::size_t place = 0; place < 81; place++) {
            if (cells_[place])
                continue;
            auto possible = candidates(place);
            if (!best || possible.size() < choices.size()) {
                best = place;
                choices = std::move(possible);
            }
        }
        if (!best)
            return true;
        for (int choice : choices) {
            cells_[*best] = choice;
            if (solve())
                return true;
        }
        cells_[*best] = 0;
        return false;
    }

    std::string row(std::size_t n) const {
        std::ostringstream out;
        for (std::size_t i = 0; i < 9; i++)
            out << cells_[9 * n + i];
        return out.str();
    }

  private:
    std::vector<int> candidates(std::size_t place) const {
        std::set<int> taken;
        const std::size_t row = place / 9, column = place % 9;
        for (std::size_t i = 0; i < 9; i++) {
            taken.insert(cells_[9 * row + i]);
            taken.insert(cells_[9 * i + column]);
            taken.insert(cells_[9 * (row / 3 * 3 + i / 3) + column / 3 * 3 + i % 3]);
        }
        std::vector<int> free;
        for (int digit = 1; digit <= 9; digit++)
            if (!taken.contains(digit))
                free.push_back(digit);
        return free;
    }

    std::array<int, 81> cells_{};
};

struct Circle { double radius; };
struct Square { double side; };
using Shape = std::variant<Circle, Square>;

template <class... Ts>
struct Overloaded : Ts... { using Ts::operator()...; };

int main() {
    BigInteger product = 1;
    for (unsigned n = 2; n <= 30; n++)
        product = product * n;
    std::cout << "30! = " << product << '\n';
    std::cout << "2^200 = " << power(BigInteger(2), 200, BigInteger(1)) << '\n';

    Matrix<BigInteger, 2> step{{{{1, 1}, {1, 0}}}};
    std::cout << "fib(150) = " << power(step, 150, Matrix<BigInteger, 2>::identity()).cells[0][1] << '\n';

    Sudoku sudoku("53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79");
    std::cout << (sudoku.solve() ? sudoku.row(0) + " " + sudoku.row(8) : "unsolvable") << '\n';

    std::map<std::string, std::vector<std::string>> anagrams;
    for (std::string word : {"listen", "silent", "enlist", "google", "gogole", "cat"}) {
        auto key = word;
        std::ranges::sort(key);
        anagrams[key].push_back(word);
    }
    auto largest = std::ranges::max_element(anagrams, {}, [](auto &entry) { return entry.second.size(); });
    std::cout << largest->second.size() << ' ' << largest->second.front() << '\n';

    std::vector<std::unique_ptr<Shape>> shapes;
    shapes.push_back(std::make_unique<Shape>(Circle{2}));
    shapes.push_back(std::make_unique<Shape>(Square{3}));
    double area = 0;
    for (const auto &shape : shapes)
        area += std::visit(Overloaded{[](Circle c) { return 3 * c.radius * c.radius; },
                                      [](Square s) { return s.side * s.side; }}, *shape);
    std::cout << std::fixed << std::setprecision(2) << area << '\n';

    std::priority_queue<int, std::vector<int>, std::greater<>> queue;
    for (int n : {5, 1, 4, 2, 3})
        queue.push(n);
    for (; !queue.empty(); queue.pop())
        std::cout << queue.top() << (queue.size() > 1 ? " " : "\n");
    auto compared = std::string("abc") <=> std::string("abd");
    std::cout << std::boolalpha << (compared < 0) << '\n';
}
