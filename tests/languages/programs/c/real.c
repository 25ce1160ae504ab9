/* Life, big factorials, pi, a hash table and a sort, with malloc and pointers. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 640, BUCKETS = 64 };

static unsigned char board[2][SIDE][SIDE];

/* The R-pentomino, on a board that it never leaves in this time; only the part in use is computed. */
static int live(int generations) {
    static const int start[][2] = {{0, 1}, {0, 2}, {1, 0}, {1, 1}, {2, 1}};
    int now = 0, alive = 0;
    for (size_t i = 0; i < sizeof start / sizeof *start; i++)
        board[0][SIDE / 2 + start[i][0]][SIDE / 2 + start[i][1]] = 1;
    for (int g = 0; g < generations; g++, now = !now) {
        int reach = 40 + g / 4;
        for (int y = SIDE / 2 - reach; y <= SIDE / 2 + reach; y++)
            for (int x = SIDE / 2 - reach; x <= SIDE / 2 + reach; x++) {
                int neighbours = -board[now][y][x];
                for (int dy = -1; dy <= 1; dy++)
                    neighbours += board[now][y + dy][x - 1] + board[now][y + dy][x] + board[now][y + dy][x + 1];
                board[!now][y][x] = neighbours == 3 || (neighbours == 2 && board[now][y][x]);
            }
    }
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            alive += board[now][y][x];
    return alive;
}

static char *factorial(int n) {
    size_t length = 1, room = 16;
    unsigned char *digits = calloc(room, 1);
    digits[0] = 1;
    for (int factor = 2; factor <= n; factor++) {
        int carry = 0;
        for (size_t i = 0; i < length || carry; i++) {
            if (i == room) {
                digits = realloc(digits, room * 2);
                memset(digits + room, 0, room);
                room *= 2;
            }
            int value = digits[i] * factor + carry;
            digits[i] = (unsigned char)(value % 10);
            carry = value / 10;
            if (i >= length)
                length = i + 1;
        }
    }
    char *text = malloc(length + 1);
    for (size_t i = 0; i < length; i++)
        text[i] = (char)('0' + digits[length - 1 - i]);
    text[length] = '\0';
    free(digits);
    return text;
}

/* The spigot of Rabinowitz and Wagon. */
static void print_pi(int digits) {
    int length = digits * 10 / 3 + 2, held = 0, nines = 0;
    bool first = true;
    int *a = malloc(sizeof *a * (size_t)length);
    for (int i = 0; i < length; i++)
        a[i] = 2;
    for (int done = 0; done <= digits;) {
        int carry = 0;
        for (int i = length - 1; i >= 0; i--) {
            int x = 10 * a[i] + carry * (i + 1);
            a[i] = x % (2 * i + 1 ? 2 * i + 1 : 1);
            carry = x / (2 * i + 1);
        }
        a[0] = carry % 10;
        int digit = carry / 10;
        if (digit == 9) {
            nines++;
            continue;
        }
        if (!first)
            printf("%d", digit == 10 ? held + 1 : held), done++;
        for (; nines > 0; nines--)
            printf("%d", digit == 10 ? 0 : 9), done++;
        held = digit == 10 ? 0 : digit;
        first = false;
    }
    putchar('\n');
    free(a);
}

struct entry {
    struct entry *next;
    int count;
    char word[];
};

static struct entry *table[BUCKETS];

static void count_word(const char *word) {
    uint32_t hash = 2166136261u;
    for (const char *c = word; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619u;
    struct entry **place = &table[hash % BUCKETS];
    while (*place && strcmp((*place)->word, word) != 0)
        place = &(*place)->next;
    if (!*place) {
        *place = calloc(1, sizeof **place + strlen(word) + 1);
        strcpy((*place)->word, word);
    }
    (*place)->count++;
}

static int by_count_then_word(const void *a, const void *b) {
    const struct entry *x = *(struct entry *const *)a, *y = *(struct entry *const *)b;
    return x->count != y->count ? y->count - x->count : strcmp(x->word, y->word);
}

static void count_words(void) {
    char text[] = "to be or not to be that is the question whether it is nobler in the mind to suffer";
    struct entry *all[BUCKETS];
    size_t found = 0;
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
        count_word(word);
    for (int i = 0; i < BUCKETS; i++)
        for (struct entry *e = table[i]; e; e = e->next)
            all[found++] = e;
    qsort(all, found, sizeof *all, by_count_then_word);
    printf("%zu words:", found);
    for (size_t i = 0; i < 4; i++)
        printf(" %s=%d", all[i]->word, all[i]->count);
    putchar('\n');
    for (size_t i = 0; i < found; i++)
        free(all[i]);
}

static uint64_t power_modulo(uint64_t base, uint64_t exponent, uint64_t modulus) {
    uint64_t result = 1;
    for (base %= modulus; exponent; exponent >>= 1) {
        if (exponent & 1)
            result = (uint64_t)((unsigned __int128)result * base % modulus);
        base = (uint64_t)((unsigned __int128)base * base % modulus);
    }
    return result;
}

int main(void) {
    printf("life %d\n", live(1103));
    char *text = factorial(50);
    printf("50! = %s\n", text);
    free(text);
    print_pi(50);
    count_words();
    printf("fermat %" PRIu64 "\n", power_modulo(2, 1000000006, 1000000007));
    printf("%-8s|%08.3f|%+d|%#x\n", "left", 3.14159, 42, 48879);
}
