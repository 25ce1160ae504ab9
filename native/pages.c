/* pages.c: memory that a fork shares with its zygote until it is written to, made the fork's own ahead of time. Each
 * such page costs a fault on its first write; taken while the program waits at its gate, nobody waits for them, and
 * they are counted where they belong: the program's cgroup then holds all that it begins with. An init, a fork too,
 * lets go of the interpreter's memory instead: it needs none of it, and has nothing to lose of it. */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cell.h"

#define RUNS_MAX 2048
#define VECTOR_PAGES 4096
#define AREA_LEAST_BYTES (256 << 10)
#define LINKS_OF_ONE_TASK 3 /* of /proc/PID/task: its own two and one a thread */

struct run {
    char *start;
    size_t bytes;
    bool of_interpreter; /* and of nothing that an init needs */
};

struct mapping {
    uintptr_t start, end;
    char rights[5];
    unsigned long inode;
    char path[8]; /* its beginning */
};

static struct run runs[RUNS_MAX];
static size_t run_count;

static bool add_page(char *page, size_t page_bytes, bool of_interpreter) {
    struct run *last = run_count > 0 ? &runs[run_count - 1] : NULL;
    if (last != NULL && last->start + last->bytes == page && last->of_interpreter == of_interpreter) {
        last->bytes += page_bytes;
        return true;
    }
    if (run_count == RUNS_MAX) return false;
    runs[run_count++] = (struct run){page, page_bytes, of_interpreter};
    return true;
}

/* Only what is there: a mapping may be much larger, and what nobody has touched is not shared. */
static bool add_present(const struct mapping *mapping, bool of_interpreter, size_t page_bytes) {
    char *at = (char *)mapping->start;
    const char *end = (char *)mapping->end;
    unsigned char is_present[VECTOR_PAGES];
    while (at < end) {
        size_t pages = (size_t)(end - at) / page_bytes;
        if (pages > VECTOR_PAGES) pages = VECTOR_PAGES;
        if (mincore(at, pages * page_bytes, is_present) != 0) return false;
        for (size_t i = 0; i < pages; i++)
            if ((is_present[i] & 1) && !add_page(at + i * page_bytes, page_bytes, of_interpreter))
                return false;
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

/* Also says whether there is one thread. The C library looks at the others, which a fork does not have, when the user
 * changes, and what it knows of a thread lies in its stack. */
static FILE *open_maps(bool *is_single) {
    struct stat tasks = {0};
    int proc_fd = open_proc(), maps_fd = openat(proc_fd, "self/maps", O_RDONLY | O_CLOEXEC);
    *is_single = fstatat(proc_fd, "self/task", &tasks, 0) == 0 && tasks.st_nlink == LINKS_OF_ONE_TASK;
    if (proc_fd >= 0) close(proc_fd);
    return maps_fd < 0 ? NULL : fdopen(maps_fd, "r");
}

static bool read_mapping(FILE *maps, struct mapping *mapping) {
    char line[512];
    if (fgets(line, sizeof line, maps) == NULL) return false;
    mapping->path[0] = '\0';
    return sscanf(line, "%lx-%lx %4s %*x %*s %lu %7s", &mapping->start, &mapping->end, mapping->rights, &mapping->inode,
                  mapping->path) >= 4;
}

static bool holds(const struct mapping *mapping, const void *address) {
    return (uintptr_t)address >= mapping->start && (uintptr_t)address < mapping->end;
}

/* What the dynamic linker and the C library keep of the thread and of each library. */
static bool holds_linkage(const struct mapping *mapping) {
    bool found = holds(mapping, &errno);
    for (const struct link_map *library = _r_debug.r_map; library != NULL && !found; library = library->l_next)
        found = holds(mapping, library);
    return found;
}

/* The large areas that an interpreter allocates objects in. What follows a file's mapping is a library's own data; the
 * heap of malloc is the C library's too. */
static bool is_area(const struct mapping *mapping, const struct mapping *before) {
    bool is_large = mapping->end - mapping->start >= AREA_LEAST_BYTES;
    bool follows_file = before->inode != 0 && before->end == mapping->start;
    return mapping->inode == 0 && mapping->path[0] == '\0' && is_large && !follows_file && !holds_linkage(mapping);
}

/* False where it cannot be seen what there is, or it is too scattered. */
bool note_pages(void) {
    bool is_single;
    FILE *maps = open_maps(&is_single);
    struct mapping mapping, before = {0};
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    unsigned long executable = 0; /* its inode; what the linker reads of it comes before its data */
    bool noted = maps != NULL;
    for (; noted && read_mapping(maps, &mapping); before = mapping) {
        if (executable == 0 && holds(&mapping, _r_debug.r_map->l_ld)) executable = mapping.inode;
        if (mapping.rights[1] != 'w' || mapping.rights[3] != 'p') continue;
        bool is_data = executable != 0 && mapping.inode == executable;
        noted = add_present(&mapping, is_single && (is_data || is_area(&mapping, &before)), page_bytes);
    }
    if (maps != NULL) fclose(maps);
    return noted;
}

bool take_pages(void) {
    for (size_t i = 0; i < run_count; i++)
        if (madvise(runs[i].start, runs[i].bytes, MADV_POPULATE_WRITE) != 0) return false;
    return true;
}

bool drop_pages(void) {
    for (size_t i = 0; i < run_count; i++)
        if (runs[i].of_interpreter && madvise(runs[i].start, runs[i].bytes, MADV_DONTNEED) != 0) return false;
    return true;
}
