/* init.c: pid 1 of a cell. It makes the cell's own mounts, forks what becomes the program, gives up
 * every privilege, and from then on only waits: for commands, for the gate, for the seccomp
 * listener, for children. Ending it ends the cell, which is how every kill on cgroup v1 works. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cell.h"

#define DRAIN_CHUNK_BYTES (1u << 20)
#define MOUNT_FLAGS (MS_NOSUID | MS_NODEV)

struct init {
    const int *fds;
    int fd_count;
    struct request request;
    int gate_fd;     /* our end; -1 once the program runs */
    int listener_fd; /* seccomp notifications; -1 without */
    int signal_fd;
    int null_fd;
    int program_pidfd;
    int out_fd; /* a detached clone of /out for the supervisor; -1 without */
    pid_t program;
    bool draining[2]; /* stdout, stderr */
    uint64_t start_ns;
    uint32_t reaped;
};

static uint64_t monotonic_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void report(const struct init *init, const struct cell_event *event) {
    /* A supervisor that is gone is noticed as the end of the control socket. */
    send_with_fds(init->fds[FD_CONTROL], event, sizeof *event, NULL, 0);
}

/* The supervisor gets the listener too: a stopped call is answered with ENOSYS when the last holder
 * closes it, and init, when it is killed, closes its own before the kernel ends the program. */
static void report_ready(const struct init *init, const struct cell_event *event) {
    int fds[READY_FDS_MAX], count = 0;
    fds[count++] = init->program_pidfd;
    if (init->out_fd >= 0) fds[count++] = init->out_fd;
    if (init->listener_fd >= 0) fds[count++] = init->listener_fd;
    send_with_fds(init->fds[FD_CONTROL], event, sizeof *event, fds, count);
}

static _Noreturn void report_and_exit(const struct init *init, const struct failure *failure) {
    struct cell_event event = {.kind = EVENT_FAILED, .error = failure->error};
    strncpy(event.step, step_name(failure->step), sizeof event.step - 1);
    memcpy(event.detail, failure->detail, sizeof event.detail);
    report(init, &event);
    _exit(1);
}

/* ---- set-up ---- */

static bool read_request(struct init *init, struct failure *failure) {
    struct stat status;
    if (init->fd_count < FD_CGROUP_FIRST) return fail_with(failure, STEP_REQUEST, EPROTO, "descriptors are missing");
    if (fstat(init->fds[FD_REQUEST], &status) != 0) return fail(failure, STEP_REQUEST, NULL);
    const void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, init->fds[FD_REQUEST], 0);
    if (bytes == MAP_FAILED) return fail(failure, STEP_REQUEST, NULL);
    if (!parse_request(bytes, (size_t)status.st_size, &init->request, failure)) return false;
    if (cgroup_fd_end(&init->request, init->fd_count) < FD_CGROUP_FIRST)
        return fail_with(failure, STEP_REQUEST, EPROTO, "the mount for /out is missing");
    return true;
}

static bool bind_noexec(const char *source, const char *target, struct failure *failure) {
    if (mount(source, target, NULL, MS_BIND, NULL) != 0 ||
        mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | MOUNT_FLAGS | MS_NOEXEC, NULL) != 0)
        return fail(failure, STEP_WORK_AREA_BIND, target);
    return true;
}

/* What a compiler leaves for the program. The compiler's cell writes /out, and a detached clone of that
 * mount keeps the files when the cell is gone; the program's cell has the clone attached at the same
 * place. Read-only from before it can be seen: nobody can have the artifact changed in between. */
static bool arrange_out(struct init *init, struct failure *failure) {
    if (init->request.head.features & FEATURE_OUT_WRITABLE) {
        init->out_fd = open_tree(AT_FDCWD, "/tmp/out", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        if (init->out_fd < 0 || mount("/tmp/out", "/out", NULL, MS_BIND, NULL) != 0)
            return fail(failure, STEP_OUT, "writable");
    } else if (init->request.head.features & FEATURE_OUT_MOUNTED) {
        struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
        int mount_fd = init->fds[init->fd_count - 1];
        if (mount_setattr(mount_fd, "", AT_EMPTY_PATH, &read_only, sizeof read_only) != 0 ||
            move_mount(mount_fd, "", AT_FDCWD, "/out", MOVE_MOUNT_F_EMPTY_PATH) != 0)
            return fail(failure, STEP_OUT, "mounted");
    }
    return true;
}

/* One tmpfs, so that one size and one inode limit hold for all that the program can write; seen at
 * three places with different flags. It is mounted on /tmp first and then hidden below a part of itself. */
static bool make_work_area(struct init *init, struct failure *failure) {
    const struct cell_request *head = &init->request.head;
    char options[128];
    snprintf(options, sizeof options, "size=%llu,nr_inodes=%llu,mode=755,uid=%u,gid=%u",
             (unsigned long long)head->work_area_bytes, (unsigned long long)head->work_area_inodes, head->program_uid,
             head->program_uid);
    if (mount("tmpfs", "/tmp", "tmpfs", MOUNT_FLAGS, options) != 0) return fail(failure, STEP_WORK_AREA, NULL);

    /* Made as the program's user, so that everything below is the program's own. */
    setfsgid(head->program_uid);
    setfsuid(head->program_uid);
    mode_t before = umask(0);
    bool made = mkdir("/tmp/box", 0755) == 0 && mkdir("/tmp/tmp", 01777) == 0 && mkdir("/tmp/shm", 01777) == 0 &&
                (!(head->features & FEATURE_OUT_WRITABLE) || mkdir("/tmp/out", 0755) == 0);
    umask(before);
    if (!made) return fail(failure, STEP_WORK_AREA, "directories");
    int box_fd = open("/tmp/box", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (box_fd < 0) return fail(failure, STEP_WORK_AREA, "box");
    bool placed = place_files(&init->request, box_fd, failure);
    close(box_fd);
    setfsuid(0);
    setfsgid(0);
    if (!placed) return false;

    if (mount("/tmp/box", "/box", NULL, MS_BIND, NULL) != 0) return fail(failure, STEP_WORK_AREA_BIND, "/box");
    if (!arrange_out(init, failure)) return false;
    return bind_noexec("/tmp/shm", "/dev/shm", failure) && bind_noexec("/tmp/tmp", "/tmp", failure);
}

static bool raise_loopback(const struct init *init, struct failure *failure) {
    if (!(init->request.head.features & FEATURE_LOOPBACK)) return true;
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool raised = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
    int error = errno;
    if (fd >= 0) close(fd);
    return raised || fail_with(failure, STEP_LOOPBACK, error, NULL);
}

/* In a user namespace the kernel lets nobody see more of /proc than was to be seen before, so the host's has to
 * be there while ours is made. It is gone before the program is forked. */
static bool replace_proc(struct failure *failure) {
    int context_fd = fsopen("proc", FSOPEN_CLOEXEC), mount_fd = -1;
    bool made = context_fd >= 0 && fsconfig(context_fd, FSCONFIG_SET_STRING, "hidepid", "2", 0) == 0 &&
                fsconfig(context_fd, FSCONFIG_SET_STRING, "subset", "pid", 0) == 0 &&
                fsconfig(context_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0 &&
                (mount_fd = fsmount(context_fd, FSMOUNT_CLOEXEC,
                                    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)) >= 0;
    if (!made) return fail(failure, STEP_PROC, "in a user namespace");
    if (umount2("/proc", MNT_DETACH) != 0) return fail(failure, STEP_PROC, "the host's");
    if (move_mount(mount_fd, "", AT_FDCWD, "/proc", MOVE_MOUNT_F_EMPTY_PATH) != 0)
        return fail(failure, STEP_PROC, "attach");
    close(mount_fd);
    close(context_fd);
    return true;
}

static bool mount_proc(const struct init *init, struct failure *failure) {
    if (init->request.head.features & FEATURE_PROC_BELOW) return replace_proc(failure);
    if (mount("proc", "/proc", "proc", MOUNT_FLAGS | MS_NOEXEC, "hidepid=2,subset=pid") != 0)
        return fail(failure, STEP_PROC, NULL);
    return true;
}

/* Children are waited for through a descriptor; the spawner's SIG_IGN would have them vanish. */
static bool watch_children(struct init *init, struct failure *failure) {
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    signal(SIGCHLD, SIG_DFL);
    if (sigprocmask(SIG_BLOCK, &children, NULL) != 0) return fail(failure, STEP_SIGNALS, NULL);
    init->signal_fd = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
    init->null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    return (init->signal_fd >= 0 && init->null_fd >= 0) || fail(failure, STEP_SIGNALS, NULL);
}

static bool fork_program(struct init *init, const struct filters *filters, struct failure *failure) {
    int gate[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, gate) != 0)
        return fail(failure, STEP_FORK_PROGRAM, "gate");
    struct clone_args args = {.flags = CLONE_PIDFD,
                              .pidfd = (uint64_t)(uintptr_t)&init->program_pidfd,
                              .exit_signal = SIGCHLD};
    if ((init->request.head.features & FEATURE_CGROUP_V2) &&
        cgroup_fd_end(&init->request, init->fd_count) > FD_CGROUP_FIRST) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (unsigned int)init->fds[FD_CGROUP_FIRST];
    }
    init->program = (pid_t)syscall(SYS_clone3, &args, sizeof args);
    if (init->program == 0) run_program(&init->request, init->fds, init->fd_count, gate[1], filters);
    int error = errno;
    close(gate[1]);
    init->gate_fd = gate[0];
    return init->program > 0 || fail_with(failure, STEP_FORK_PROGRAM, error, NULL);
}

/* From here on init is nobody: the program must have nothing to win by attacking it, and it keeps
 * only what it needs to watch. The write ends go too, or the pipes would never end. */
static bool become_nobody(struct init *init, const struct filters *filters, struct failure *failure) {
    for (int i = 0; i < init->fd_count; i++)
        if (i != FD_CONTROL && i != FD_STDOUT_DRAIN && i != FD_STDERR_DRAIN) close(init->fds[i]);
    if (!drop_bounding_set() || !become_user(&init->request, init->request.head.init_uid) || !clear_capabilities() ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        return fail(failure, STEP_INIT_PRIVILEGES, NULL);
    if ((init->request.head.features & FEATURE_SECCOMP) && install_filter(&filters->init, 0) < 0)
        return fail(failure, STEP_INIT_FILTER, NULL);
    return true;
}

/* ---- watching ---- */

/* False when the supervisor is gone. */
static bool obey_command(struct init *init) {
    char command;
    ssize_t received = recv(init->fds[FD_CONTROL], &command, 1, 0);
    if (received <= 0) return false;
    switch (command) {
    case COMMAND_GO:
        if (init->gate_fd < 0) break;
        init->start_ns = monotonic_ns();
        send(init->gate_fd, &command, 1, MSG_NOSIGNAL);
        break;
    case COMMAND_DRAIN_STDOUT:
        init->draining[0] = true;
        break;
    case COMMAND_DRAIN_STDERR:
        init->draining[1] = true;
        break;
    default:
        break;
    }
    return true;
}

/* The program-to-be says that it is ready, or why it never will be; after the gate was opened its
 * end of the socket closes with a successful exec. */
static void hear_gate(struct init *init) {
    struct cell_event event;
    int fds[1], fd_count;
    ssize_t received = receive_with_fds(init->gate_fd, &event, sizeof event, fds, 1, &fd_count);
    /* Who closes before it has read `go` resets the socket, and the kernel tells that before its last words. */
    if (received < 0) return;
    if (received == (ssize_t)sizeof event && event.kind == EVENT_READY) {
        if (fd_count == 1) init->listener_fd = fds[0];
        report_ready(init, &event);
        return;
    }
    if (received == (ssize_t)sizeof event) { /* EVENT_FAILED, passed on as it is */
        report(init, &event);
        _exit(1);
    }
    close(init->gate_fd);
    init->gate_fd = -1;
}

/* The thread that made the call stays stopped in it, because nobody answers and the listener stays
 * open, until the supervisor has counted what is there and ends the cell. */
static void hear_seccomp(struct init *init) {
    union {
        struct seccomp_notif notification;
        char room[256]; /* newer kernels may write more than our header knows */
    } heard;
    memset(&heard, 0, sizeof heard);
    /* ENOENT: the caller was killed meanwhile. */
    if (ioctl(init->listener_fd, SECCOMP_IOCTL_NOTIF_RECV, &heard) != 0) return;
    struct cell_event event = {.kind = EVENT_SECCOMP,
                               .start_ns = init->start_ns,
                               .end_ns = monotonic_ns(),
                               .syscall_nr = (uint32_t)heard.notification.data.nr,
                               .syscall_arch = heard.notification.data.arch};
    report(init, &event);
    init->listener_fd = -1; /* no longer polled: one call is enough to be ended for */
}

static void reap(struct init *init) {
    struct signalfd_siginfo ignored;
    while (read(init->signal_fd, &ignored, sizeof ignored) > 0) continue;
    int status, program_status = 0;
    bool program_ended = false;
    uint64_t end_ns = 0;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        if (pid != init->program) {
            init->reaped++;
            continue;
        }
        end_ns = monotonic_ns();
        program_status = status;
        program_ended = true;
    }
    if (!program_ended) return;
    if (init->start_ns == 0) { /* it never saw the gate: set-up was killed, by its own limits most likely */
        struct failure failure = {0};
        char detail[64];
        snprintf(detail, sizeof detail, "ended before the gate with wait status %d", program_status);
        fail_with(&failure, STEP_GATE, ECHILD, detail);
        report_and_exit(init, &failure);
    }
    struct cell_event event = {.kind = EVENT_EXITED,
                               .wait_status = program_status,
                               .reaped = init->reaped,
                               .start_ns = init->start_ns,
                               .end_ns = end_ns};
    report(init, &event);
}

static void drain(struct init *init, int stream) {
    ssize_t moved = splice(init->fds[FD_STDOUT_DRAIN + stream], NULL, init->null_fd, NULL, DRAIN_CHUNK_BYTES,
                           SPLICE_F_NONBLOCK);
    if (moved == 0) init->draining[stream] = false;
}

static _Noreturn void watch(struct init *init) {
    enum { CONTROL, GATE, LISTENER, CHILDREN, STDOUT, STDERR, SOURCES };
    for (;;) {
        struct pollfd polled[SOURCES] = {
            [CONTROL] = {.fd = init->fds[FD_CONTROL], .events = POLLIN},
            [GATE] = {.fd = init->gate_fd, .events = POLLIN},
            [LISTENER] = {.fd = init->listener_fd, .events = POLLIN},
            [CHILDREN] = {.fd = init->signal_fd, .events = POLLIN},
            [STDOUT] = {.fd = init->draining[0] ? init->fds[FD_STDOUT_DRAIN] : -1, .events = POLLIN},
            [STDERR] = {.fd = init->draining[1] ? init->fds[FD_STDERR_DRAIN] : -1, .events = POLLIN},
        };
        if (poll(polled, SOURCES, -1) < 0) {
            if (errno == EINTR) continue;
            _exit(1);
        }
        /* The gate before the children: a failed exec is told before its exit status. */
        if (polled[CONTROL].revents && !obey_command(init)) _exit(0);
        if (polled[GATE].revents) hear_gate(init);
        if (polled[LISTENER].revents & POLLIN) hear_seccomp(init);
        else if (polled[LISTENER].revents) init->listener_fd = -1; /* no task uses the filter any more */
        if (polled[CHILDREN].revents) reap(init);
        if (polled[STDOUT].revents) drain(init, 0);
        if (polled[STDERR].revents) drain(init, 1);
    }
}

_Noreturn void run_init(const int fds[], int fd_count, const struct filters *filters) {
    struct init init = {.fds = fds, .fd_count = fd_count, .gate_fd = -1, .listener_fd = -1, .program_pidfd = -1, .out_fd = -1};
    struct failure failure = {0};

    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* again after the uid change, which clears it */
    if (!read_request(&init, &failure) ||
        !make_work_area(&init, &failure) ||
        !mount_proc(&init, &failure) ||
        !raise_loopback(&init, &failure) ||
        !watch_children(&init, &failure) ||
        !fork_program(&init, filters, &failure) ||
        !become_nobody(&init, filters, &failure))
        report_and_exit(&init, &failure);
    watch(&init);
}
