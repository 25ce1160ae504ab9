/* pages.c: memory that a fork shares with its zygote until it is written to, made the fork's own ahead of time. Each
 * such page costs a fault on its first write; taken while the program waits at its gate, nobody waits for them, and
 * they are counted where they belong: the program's cgroup then holds all that it begins with. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

#include "cell.h"

#define RUNS_MAX 2048
#define VECTOR_PAGES 4096

struct run {
    char *start;
    size_t bytes;
};

/* Pages that are there: of our own to be written to, and of files to be read. */
static struct run written[RUNS_MAX], read_only[RUNS_MAX];
static size_t written_count, read_only_count;

static void add(struct run runs[], size_t *count, char *start, size_t bytes) {
    if (*count > 0 && runs[*count - 1].start + runs[*count - 1].bytes == start)
        runs[*count - 1].bytes += bytes;
    else if (*count < RUNS_MAX)
        runs[(*count)++] = (struct run){start, bytes};
}

static void add_present(char *start, char *end, size_t page) {
    static unsigned char is_present[VECTOR_PAGES];
    for (char *at = start; at < end; at += VECTOR_PAGES * page) {
        size_t bytes = (size_t)(end - at) < VECTOR_PAGES * page ? (size_t)(end - at) : VECTOR_PAGES * page;
        if (mincore(at, bytes, is_present) != 0) continue;
        for (size_t i = 0; i < bytes / page; i++)
            if (is_present[i] & 1) add(written, &written_count, at + i * page, page);
    }
}

/* The zygote's root has no /proc. One that is mounted nowhere shows nothing to anybody else. */
static FILE *open_maps(void) {
    int context_fd = fsopen("proc", FSOPEN_CLOEXEC), mount_fd = -1, maps_fd = -1;
    if (context_fd >= 0 && fsconfig(context_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0 &&
        (mount_fd = fsmount(context_fd, FSMOUNT_CLOEXEC, 0)) >= 0)
        maps_fd = openat(mount_fd, "self/maps", O_RDONLY | O_CLOEXEC);
    if (mount_fd >= 0) close(mount_fd);
    if (context_fd >= 0) close(context_fd);
    return maps_fd < 0 ? NULL : fdopen(maps_fd, "r");
}

/* Where the kernel does not let us see them, the faults come when they come. */
void note_pages(void) {
    FILE *maps = open_maps();
    char line[512], rights[5];
    uintptr_t start, end;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (maps == NULL) return;
    while (fgets(line, sizeof line, maps) != NULL) {
        if (sscanf(line, "%lx-%lx %4s", &start, &end, rights) != 3 || rights[3] != 'p') continue;
        if (rights[1] == 'w')
            add_present((char *)start, (char *)end, page);
        else if (strchr(line, '/') != NULL)
            add(read_only, &read_only_count, (char *)start, end - start);
    }
    fclose(maps);
}

/* Never for the sake of success: a page that is not had now is had later. */
void take_pages(void) {
    for (size_t i = 0; i < written_count; i++) madvise(written[i].start, written[i].bytes, MADV_POPULATE_WRITE);
    for (size_t i = 0; i < read_only_count; i++) madvise(read_only[i].start, read_only[i].bytes, MADV_POPULATE_READ);
}
