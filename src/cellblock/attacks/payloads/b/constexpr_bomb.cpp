constexpr unsigned spin(unsigned start) {
    unsigned sum = start;
    for (int outer = 0; outer < 20; outer++)
        for (int inner = 0; inner < 100000; inner++) sum = sum * 31 + inner;
    return sum;
}
template <int N> struct often { static constexpr unsigned char value = spin(N) + often<N - 1>::value; };
template <> struct often<0> { static constexpr unsigned char value = 0; };
int main() { return often<800>::value; }
