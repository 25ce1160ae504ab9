#include <stdio.h>

int main(void) {
    char line[256];
    puts("Grüße ∑ 日本語 🚀");
    if (fgets(line, sizeof line, stdin))
        fputs(line, stdout);
}
