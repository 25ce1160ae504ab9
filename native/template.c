/* template.c: the read-only root that every cell starts from, built once in a mount namespace of
 * the spawner's own. Cells get a copy of this namespace by CLONE_NEWNS, so nothing of the host's
 * mount tree is ever in a cell, and lay their own root over it (root.c). */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cell.h"

/* Where the new root grows until it is pivoted to. Exists on every host, and nothing below it is
 * ever a bind source. */
#define NEW_ROOT "/sys"

#define PATH_SIZE 4096
#define SIZE "size=32m,nr_inodes=4096,mode=755"

static bool make_parents(char *path) {
    for (char *slash = strchr(path + sizeof NEW_ROOT, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int made = mkdir(path, 0755);
        *slash = '/';
        if (made != 0 && errno != EEXIST) return false;
    }
    return true;
}

static bool make_file(const char *path, const char *data, size_t size, mode_t mode) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) return false;
    bool written = write(fd, data, size) == (ssize_t)size;
    close(fd);
    return written;
}

/* Bind `source` to `target` and make it as harmless as `attributes` say. */
static bool bind(const char *source, const char *target, uint64_t attributes) {
    /* Added to what the source has: a user namespace may not take away what the host's mount forbids. */
    struct mount_attr harmless = {.attr_set = attributes};
    struct stat status;
    if (stat(source, &status) != 0) return false;
    if (S_ISDIR(status.st_mode)) {
        if (mkdir(target, 0755) != 0 && errno != EEXIST) return false;
    } else if (!make_file(target, "", 0, 0444)) {
        return false;
    }
    return mount(source, target, NULL, MS_BIND, NULL) == 0 &&
           mount_setattr(AT_FDCWD, target, 0, &harmless, sizeof harmless) == 0;
}

static bool apply(const struct template_op *op, const char *entry, const char *data, uint32_t clone_flags,
                  struct failure *failure) {
    char path[PATH_SIZE];
    struct stat node;
    if (snprintf(path, sizeof path, NEW_ROOT "/%s", entry) >= (int)sizeof path)
        return fail_with(failure, STEP_TEMPLATE_ENTRY, ENAMETOOLONG, entry);
    if (!make_parents(path)) return fail(failure, STEP_TEMPLATE_ENTRY, entry);

    switch (op->kind) {
    case TEMPLATE_DIR:
        if ((mkdir(path, op->mode) == 0 || errno == EEXIST) && chmod(path, op->mode) == 0) return true;
        return fail(failure, STEP_TEMPLATE_ENTRY, entry);
    case TEMPLATE_FILE:
        if (make_file(path, data, op->data_len, op->mode)) return true;
        return fail(failure, STEP_TEMPLATE_ENTRY, entry);
    case TEMPLATE_SYMLINK:
        if (symlink(data, path) == 0) return true;
        return fail(failure, STEP_TEMPLATE_ENTRY, entry);
    case TEMPLATE_BIND:
        if (bind(data, path, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)) return true;
        return fail(failure, STEP_TEMPLATE_BIND, data);
    case TEMPLATE_DEVICE:
        /* Read-only holds for the inode's times and mode; what is written goes to the driver all the same. */
        if (bind(data, path, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC)) return true;
        return fail(failure, STEP_TEMPLATE_BIND, data);
    case TEMPLATE_NODE:
        if (stat(data, &node) == 0 && mknod(path, node.st_mode, node.st_rdev) == 0) return true;
        return fail(failure, STEP_TEMPLATE_NODE, data);
    case TEMPLATE_HOSTNAME:
        if (!(clone_flags & CLONE_NEWUTS)) return true; /* it would be the host's */
        if (sethostname(data, op->data_len) == 0) return true;
        return fail(failure, STEP_TEMPLATE_HOSTNAME, data);
    case TEMPLATE_PROC:
        if ((mkdir(path, 0555) == 0 || errno == EEXIST) && mount("/proc", path, NULL, MS_BIND | MS_REC, NULL) == 0)
            return true;
        return fail(failure, STEP_TEMPLATE_BIND, "/proc");
    default:
        return fail_with(failure, STEP_TEMPLATE_ENTRY, EPROTO, entry);
    }
}

static bool build(int template_fd, uint32_t clone_flags, struct failure *failure) {
    struct stat status;
    if (fstat(template_fd, &status) != 0) return fail(failure, STEP_TEMPLATE_ENTRY, "template");
    const char *at = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, template_fd, 0);
    if (at == MAP_FAILED) return fail(failure, STEP_TEMPLATE_ENTRY, "template");

    const char *const start = at, *const end = at + status.st_size;
    struct template_op op;
    const char *path, *data;
    bool good = true;
    while (good && next_template_op(&at, end, &op, &path, &data)) good = apply(&op, path, data, clone_flags, failure);
    if (good && at != end) good = fail_with(failure, STEP_TEMPLATE_ENTRY, EPROTO, "broken record");
    munmap((void *)(uintptr_t)start, (size_t)status.st_size);
    return good;
}

bool enter_template(int template_fd, uint32_t clone_flags, struct failure *failure) {
    umask(0);
    if (unshare((int)(CLONE_NEWNS | (clone_flags & (CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET)))) != 0)
        return fail(failure, STEP_TEMPLATE_NAMESPACES, NULL);
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) return fail(failure, STEP_TEMPLATE_PRIVATE, NULL);
    /* Its device nodes are for zygotes; a cell says itself where there are any. */
    if (mount("tmpfs", NEW_ROOT, "tmpfs", MS_NOSUID, SIZE) != 0) return fail(failure, STEP_TEMPLATE_ROOT, NULL);
    if (!build(template_fd, clone_flags, failure)) return false;
    if (mount(NULL, NEW_ROOT, NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID, SIZE) != 0)
        return fail(failure, STEP_TEMPLATE_READ_ONLY, NULL);
    if (mount("tmpfs", NEW_ROOT TEMPLATE_EMPTY, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV, "size=4k,nr_inodes=1") != 0)
        return fail(failure, STEP_TEMPLATE_ROOT, TEMPLATE_EMPTY);
    /* The old root is stacked on the new one for a moment, then detached: it has no path any more. */
    if (chdir(NEW_ROOT) != 0 || syscall(SYS_pivot_root, ".", ".") != 0) return fail(failure, STEP_TEMPLATE_PIVOT, NULL);
    if (umount2(".", MNT_DETACH) != 0 || chdir("/") != 0) return fail(failure, STEP_TEMPLATE_DETACH, NULL);
    umask(022);
    return true;
}
