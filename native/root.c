/* root.c: the root that a cell sees. The template's files are inodes that all of its cells would share, and the kernel
 * keeps locks, leases and watches by inode. So a cell lays overlays over what it needs of the template, by which the
 * same files have inodes of its own, and leaves the template for good before anything else runs in it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cell.h"

#define PATH_SIZE 4096

/* Read-only, because nothing of it is to be written to. */
static bool lay_over(const char *path, const char *target, struct failure *failure) {
    char layers[PATH_SIZE];
    if (snprintf(layers, sizeof layers, "lowerdir=%s:" TEMPLATE_EMPTY, path) >= (int)sizeof layers)
        return fail_with(failure, STEP_ROOT_OVERLAY, ENAMETOOLONG, path);
    return mount("overlay", target, "overlay", MS_RDONLY | MS_NOSUID | MS_NODEV, layers) == 0 ||
           fail(failure, STEP_ROOT_OVERLAY, path);
}

/* Where the template may have no nodes of its own, they are the host's, mounted in it one by one. */
static bool show_devices(struct failure *failure) {
    struct mount_attr usable = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
                                .attr_clr = MOUNT_ATTR_NODEV};
    struct stat node;
    return (stat("dev/null", &node) == 0 &&
            mount(S_ISCHR(node.st_mode) ? "dev" : "/dev", "dev", NULL, MS_BIND | MS_REC, NULL) == 0 &&
            mount_setattr(AT_FDCWD, "dev", 0, &usable, sizeof usable) == 0) ||
           fail(failure, STEP_ROOT_DEVICES, NULL);
}

bool make_root(const struct request *request, struct failure *failure) {
    if (!lay_over("/", CELL_ROOT, failure)) return false;
    if (chdir(CELL_ROOT) != 0) return fail(failure, STEP_ROOT_OVERLAY, "enter");
    for (char **path = request->layers; *path != NULL; path++)
        if (!lay_over(*path, *path + 1, failure)) return false;
    return show_devices(failure);
}

/* The template is stacked on the new root for a moment, then it has no path any more. */
bool leave_template(struct failure *failure) {
    if (syscall(SYS_pivot_root, ".", ".") != 0 || umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)
        return fail(failure, STEP_ROOT_PIVOT, NULL);
    return true;
}
