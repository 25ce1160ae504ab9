/* files.c: the submission's files, put below an empty work area before any of its code can run. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cell.h"

static int open_beneath(int directory_fd, const char *path, uint64_t flags, uint64_t mode) {
    struct open_how how = {.flags = flags | O_CLOEXEC,
                           .mode = mode,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, directory_fd, path, &how, sizeof how);
}

/* Make each directory on the way to `name`; existing ones are fine, anything else there is not. */
static bool make_parents(int work_area_fd, const char *name) {
    int at = dup(work_area_fd);
    for (const char *slash; at >= 0 && (slash = strchr(name, '/')) != NULL; name = slash + 1) {
        char part[256];
        size_t length = (size_t)(slash - name);
        if (length >= sizeof part) {
            close(at);
            errno = ENAMETOOLONG;
            return false;
        }
        memcpy(part, name, length);
        part[length] = '\0';
        int below = -1;
        if (mkdirat(at, part, 0755) == 0 || errno == EEXIST) below = open_beneath(at, part, O_PATH | O_DIRECTORY, 0);
        int error = errno;
        close(at);
        errno = error;
        at = below;
    }
    if (at < 0) return false;
    close(at);
    return true;
}

static bool write_all(int fd, const char *bytes, uint64_t size) {
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        bytes += written;
        size -= (uint64_t)written;
    }
    return true;
}

bool place_files(const struct job *job, int work_area_fd, struct failure *failure) {
    const char *content = job->contents;
    for (uint32_t i = 0; i < job->head.file_count; i++) {
        const struct file_entry *file = &job->files[i];
        if (!make_parents(work_area_fd, file->name)) return fail(failure, STEP_FILES, file->name);
        int fd = open_beneath(work_area_fd, file->name, O_WRONLY | O_CREAT | O_EXCL, file->mode & 0777);
        if (fd < 0) return fail(failure, STEP_FILES, file->name);
        bool written = write_all(fd, content, file->size_bytes);
        int error = errno;
        close(fd);
        if (!written) return fail_with(failure, STEP_FILES, error, file->name);
        content += file->size_bytes;
    }
    return true;
}
