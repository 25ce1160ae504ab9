/* executable.c: what /proc/self/exe of a zygote's programs leads to. A fork keeps the file that its parent was executed
 * from, an inode of the template's that all of its programs would share (root.c). The kernel lets another take its
 * place as soon as nothing of it is mapped: so the zygote maps its segments anew, through another mount of the same
 * file, and each program takes the file that has this path in its own root. */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cell.h"

#define PATH_SIZE 4096
#define FIRST_FIELD 3 /* of /proc/self/stat, behind the name */
#define LAST_FIELD 51

static char path[PATH_SIZE];
static struct prctl_mm_map layout; /* as the kernel has it already: only the file is another */

static bool read_layout(int proc_fd) {
    char text[2048], *at;
    unsigned long long fields[LAST_FIELD + 1] = {0};
    int fd = openat(proc_fd, "self/stat", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    if (length < 0) return false;
    text[length] = '\0';
    if ((at = strrchr(text, ')')) == NULL || strlen(at) < 4) return false;
    at += 4; /* the third is a letter */
    for (int field = FIRST_FIELD + 1; field <= LAST_FIELD; field++) fields[field] = strtoull(at, &at, 10);
    layout = (struct prctl_mm_map){.start_code = fields[26],
                                   .end_code = fields[27],
                                   .start_stack = fields[28],
                                   .start_data = fields[45],
                                   .end_data = fields[46],
                                   .start_brk = fields[47],
                                   .arg_start = fields[48],
                                   .arg_end = fields[49],
                                   .env_start = fields[50],
                                   .env_end = fields[51]};
    return layout.env_end != 0;
}

static bool take(int fd) {
    layout.brk = (unsigned long long)syscall(SYS_brk, 0);
    layout.exe_fd = (unsigned int)fd;
    return prctl(PR_SET_MM, PR_SET_MM_MAP, &layout, sizeof layout, 0) == 0;
}

bool renew_executable(void) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    bool taken = take(fd);
    int error = errno;
    close(fd);
    errno = error;
    return taken;
}

/* In the place of what is there now, in one step; of what has been written to, the pages that were. */
static bool map_again(const ElfW(Phdr) *segment, uintptr_t base, int fd) {
    const uintptr_t page = (uintptr_t)getpagesize(), at = base + segment->p_vaddr, start = at & ~(page - 1);
    const size_t size = (at + segment->p_filesz - start + page - 1) & ~(page - 1);
    const off_t offset = (off_t)(segment->p_offset & ~(page - 1));
    const int protection = (segment->p_flags & PF_R ? PROT_READ : 0) | (segment->p_flags & PF_W ? PROT_WRITE : 0) |
                           (segment->p_flags & PF_X ? PROT_EXEC : 0);
    if (!(segment->p_flags & PF_W))
        return mmap((void *)start, size, protection, MAP_PRIVATE | MAP_FIXED, fd, offset) != MAP_FAILED;
    char *copy = mmap(NULL, size, protection, MAP_PRIVATE, fd, offset);
    if (copy == MAP_FAILED) return false;
    for (size_t done = 0; done < size; done += page)
        if (memcmp(copy + done, (char *)start + done, page) != 0) memcpy(copy + done, (char *)start + done, page);
    return mremap(copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)start) != MAP_FAILED;
}

/* The executable is the first that is told of. What the linker made read-only after it had written to it is so again. */
static int map_all_again(struct dl_phdr_info *info, size_t size, void *fd) {
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD && !map_again(&info->dlpi_phdr[i], info->dlpi_addr, *(int *)fd)) return -1;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        const uintptr_t page = (uintptr_t)getpagesize(), at = info->dlpi_addr + segment->p_vaddr;
        const uintptr_t start = at & ~(page - 1), end = (at + segment->p_memsz) & ~(page - 1);
        if (segment->p_type == PT_GNU_RELRO && mprotect((void *)start, end - start, PROT_READ) != 0) return -1;
    }
    return 1;
}

/* The mounts of a new namespace are others. Whether a program may take its file is tried with the one that we have. */
bool release_executable(void) {
    int old_fd = -1, new_fd = -1;
    const int proc_fd = open_proc();
    const bool done = proc_fd >= 0 && read_layout(proc_fd) && unshare(CLONE_NEWNS) == 0 &&
                      readlinkat(proc_fd, "self/exe", path, sizeof path - 1) > 0 &&
                      (old_fd = openat(proc_fd, "self/exe", O_RDONLY | O_CLOEXEC)) >= 0 &&
                      (new_fd = open(path, O_RDONLY | O_CLOEXEC)) >= 0 &&
                      dl_iterate_phdr(map_all_again, &new_fd) == 1 && take(old_fd);
    const int error = errno;
    close(proc_fd);
    close(old_fd);
    close(new_fd);
    errno = error;
    return done;
}
