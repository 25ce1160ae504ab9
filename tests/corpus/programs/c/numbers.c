#include <complex.h>
#include <fenv.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
static int by_value(const void *a, const void *b) { double x = *(double *)a, y = *(double *)b; return (x > y) - (x < y); }
static uint64_t state = 88172645463325252u;
static uint64_t next(void) { state ^= state << 13; state ^= state >> 7; state ^= state << 17; return state; }
static unsigned ackermann(unsigned m, unsigned n) { return m == 0 ? n + 1 : ackermann(m - 1, n == 0 ? 1 : ackermann(m, n - 1)); }
int main(void) {
    printf("%.17g %a %Lg %g %g %g\n", 0.1 + 0.2, 1.0 / 3, 1.0L / 3, HUGE_VAL, -0.0, (double)NAN);
    printf("%.15g %.15g %.15g %.15g\n", sin(1e6), tgamma(5.5), erf(0.3), hypot(3e200, 4e200));
    double complex z = cexp(I * M_PI / 3);
    printf("%.12f %.12f %" PRId64 " %" PRIx64 "\n", creal(z), cimag(z), INT64_MIN, UINT64_MAX);
    static double values[20000];
    for (int i = 0; i < 20000; i++) values[i] = (double)(next() >> 11) / (1ull << 53);
    qsort(values, 20000, sizeof *values, by_value);
    printf("%.17g %.17g %.17g\n", values[0], values[10000], values[19999]);
    fesetround(FE_UPWARD);
    volatile double third = 1.0;
    printf("%.20f %d %.3e\n", third / 3, fetestexcept(FE_INEXACT) != 0, DBL_EPSILON);
    fesetround(FE_TONEAREST);
    printf("%u\n", ackermann(2, 2000));
    return 200;
}
