#include <stdio.h>
#include <sys/sysinfo.h>
int main(void) {
    struct sysinfo told;
    puts("attempt");
    if (sysinfo(&told) != 0) return 0;
    printf("%lu %lu %lu %u\n", told.totalram * told.mem_unit, told.freeram * told.mem_unit, told.loads[0], told.procs);
    return told.totalram * told.mem_unit == @MEMORY_BYTES@;
}
