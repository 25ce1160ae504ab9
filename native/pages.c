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

static struct run runs[RUNS_MAX];
static size_t run_count;

static bool add_page(char *page, size_t page_bytes) {
    struct run *last = run_count > 0 ? &runs[run_count - 1] : NULL;
    if (last != NULL && last->start + last->bytes == page) {
        last->bytes += page_bytes;
        return true;
    }
    if (run_count == RUNS_MAX) return false;
    runs[run_count++] = (struct run){page, page_bytes};
    return true;
}

/* Only what is there: a mapping may be much larger, and what nobody has touched is not shared. */
static bool add_present(char *at, const char *end, size_t page_bytes) {
    unsigned char is_present[VECTOR_PAGES];
    while (at < end) {
        size_t pages = (size_t)(end - at) / page_bytes;
        if (pages > VECTOR_PAGES) pages = VECTOR_PAGES;
        if (mincore(at, pages * page_bytes, is_present) != 0) return false;
        for (size_t i = 0; i < pages; i++)
            if ((is_present[i] & 1) && !add_page(at + i * page_bytes, page_bytes)) return false;
        at += pages * page_bytes;
    }
    return true;
}

/* The zygote's root has no /proc. One that is mounted nowhere shows nothing to anybody else. In a user namespace none can
 * be made, for the zygote's pid namespace is the machine's; but there the template has the host's (template.c). */
int open_proc(void) {
    int context_fd = fsopen("proc", FSOPEN_CLOEXEC), mount_fd = -1;
    if (context_fd >= 0 && fsconfig(context_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
        mount_fd = fsmount(context_fd, FSMOUNT_CLOEXEC, 0);
    if (context_fd >= 0) close(context_fd);
    return mount_fd >= 0 ? mount_fd : open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static FILE *open_maps(void) {
    int proc_fd = open_proc(), maps_fd = openat(proc_fd, "self/maps", O_RDONLY | O_CLOEXEC);
    if (proc_fd >= 0) close(proc_fd);
    return maps_fd < 0 ? NULL : fdopen(maps_fd, "r");
}

/* False where it cannot be seen what there is, or it is too scattered. */
bool note_pages(void) {
    FILE *maps = open_maps();
    char line[512], rights[5];
    uintptr_t start, end;
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    bool noted = maps != NULL;
    while (noted && fgets(line, sizeof line, maps) != NULL)
        if (sscanf(line, "%lx-%lx %4s", &start, &end, rights) == 3 && rights[1] == 'w' && rights[3] == 'p')
            noted = add_present((char *)start, (char *)end, page_bytes);
    if (maps != NULL) fclose(maps);
    return noted;
}

bool take_pages(void) {
    for (size_t i = 0; i < run_count; i++)
        if (madvise(runs[i].start, runs[i].bytes, MADV_POPULATE_WRITE) != 0) return false;
    return true;
}
