/* init.c: pid 1 of a cell. It makes the cell's own root (root.c) and mounts, forks what becomes the program, and waits: for
 * commands, for the gate, for the seccomp listener, for children. When the job comes it puts the files in
 * place, gives up every privilege and only then opens the gate: nothing of a submission ever runs beside an
 * init that can do more than watch. Ending it ends the cell, which is how every kill on cgroup v1 works. */
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
#ifdef __SANITIZE_ADDRESS__ /* what sanitizers find they say on standard error, where the tests are heard */
#define STREAMS 2
#else
#define STREAMS 3
#endif

struct init {
    const int *fds;
    int fd_count;
    const struct spawner *spawner;
    struct request request;
    int box_fd;      /* the work area, for the files */
    int gate_fd;     /* our end; -1 once the program runs */
    int listener_fd; /* seccomp notifications; -1 without */
    int signal_fd;
    int null_fd;
    int program_pidfd;
    int out_fd; /* a detached clone of /out for the supervisor; -1 without */
    int networks_fd; /* the kernel's settings of networks; -1 without */
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

/* A cell that cannot be heard must not seem to be one that has nothing to say. */
static void report(const struct init *init, const struct cell_event *event) {
    if (!send_with_fds(init->fds[FD_CONTROL], event, sizeof *event, NULL, 0)) _exit(1);
}

/* The supervisor gets the listener too: a stopped call is answered with ENOSYS when the last holder
 * closes it, and init, when it is killed, closes its own before the kernel ends the program. */
static void report_ready(const struct init *init, const struct cell_event *event) {
    int fds[READY_FDS_MAX], count = 0;
    fds[count++] = init->program_pidfd;
    if (init->out_fd >= 0) fds[count++] = init->out_fd;
    if (init->listener_fd >= 0) fds[count++] = init->listener_fd;
    if (!send_with_fds(init->fds[FD_CONTROL], event, sizeof *event, fds, count)) _exit(1);
}

static _Noreturn void report_and_exit(const struct init *init, const struct failure *failure) {
    struct cell_event event = {.kind = EVENT_FAILED, .error = failure->error};
    strncpy(event.step, step_name(failure->step), sizeof event.step - 1);
    memcpy(event.detail, failure->detail, sizeof event.detail);
    report(init, &event);
    _exit(1);
}

/* ---- set-up ---- */

static bool take_request(struct init *init, struct failure *failure) {
    if (init->fd_count < FD_CGROUP_FIRST) return fail_with(failure, STEP_REQUEST, EPROTO, "descriptors are missing");
    if (!read_request(init->fds[FD_REQUEST], &init->request, failure)) return false;
    if (!(init->request.head.features & FEATURE_SMALL_SOCKETS)) return true;
    if (init->fd_count == FD_CGROUP_FIRST) return fail_with(failure, STEP_REQUEST, EPROTO, "settings are missing");
    init->networks_fd = init->fds[--init->fd_count];
    return true;
}

static bool bind_noexec(const char *source, const char *target, struct failure *failure) {
    if (mount(source, target, NULL, MS_BIND, NULL) != 0 ||
        mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | MOUNT_FLAGS | MS_NOEXEC, NULL) != 0)
        return fail(failure, STEP_WORK_AREA_BIND, target);
    return true;
}

/* What a compiler leaves for the program. The compiler's cell writes /out, and a detached clone of that
 * mount keeps the files when the cell is gone; the program's cell has it, or another clone, attached at the
 * same place. */
static bool make_out(struct init *init, struct failure *failure) {
    if (!(init->request.head.features & FEATURE_OUT_WRITABLE)) return true;
    init->out_fd = open_tree(AT_FDCWD, "tmp/out", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (init->out_fd < 0 || mount("tmp/out", "out", NULL, MS_BIND, NULL) != 0)
        return fail(failure, STEP_WORK_AREA_BIND, "out");
    return true;
}

/* Read-only from before it can be seen: nobody can have the artifact changed in between. */
static bool attach_out(int mount_fd, struct failure *failure) {
    struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
    if (mount_setattr(mount_fd, "", AT_EMPTY_PATH, &read_only, sizeof read_only) != 0 ||
        move_mount(mount_fd, "", AT_FDCWD, "/out", MOVE_MOUNT_F_EMPTY_PATH) != 0)
        return fail(failure, STEP_OUT, NULL);
    return true;
}

/* What the program's user makes is the program's own. */
static void act_as_program(const struct init *init) {
    setfsgid(init->request.head.program_uid);
    setfsuid(init->request.head.program_uid);
}

static bool act_as_root(void) {
    setfsuid(0);
    setfsgid(0);
    return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0; /* again: the kernel clears it with every change of user */
}

/* One tmpfs, so that one size and one inode limit hold for all that the program can write; seen at
 * three places with different flags. It is mounted on tmp first and then hidden below a part of itself. */
static bool make_work_area(struct init *init, struct failure *failure) {
    const struct cell_request *head = &init->request.head;
    char options[128];
    snprintf(options, sizeof options, "size=%llu,nr_inodes=%llu,mode=755,uid=%u,gid=%u",
             (unsigned long long)head->work_area_bytes, (unsigned long long)head->work_area_inodes, head->program_uid,
             head->program_uid);
    if (mount("tmpfs", "tmp", "tmpfs", MOUNT_FLAGS, options) != 0) return fail(failure, STEP_WORK_AREA, NULL);

    act_as_program(init);
    mode_t before = umask(0);
    bool made = mkdir("tmp/box", 0755) == 0 && mkdir("tmp/tmp", 01777) == 0 && mkdir("tmp/shm", 01777) == 0 &&
                (!(head->features & FEATURE_OUT_WRITABLE) || mkdir("tmp/out", 0755) == 0);
    umask(before);
    if (!act_as_root()) return fail(failure, STEP_WORK_AREA, "back to root");
    if (!made) return fail(failure, STEP_WORK_AREA, "directories");
    init->box_fd = open("tmp/box", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (init->box_fd < 0) return fail(failure, STEP_WORK_AREA, "box");

    if (mount("tmp/box", "box", NULL, MS_BIND, NULL) != 0) return fail(failure, STEP_WORK_AREA_BIND, "box");
    if (!make_out(init, failure)) return false;
    return bind_noexec("tmp/shm", "dev/shm", failure) && bind_noexec("tmp/tmp", "tmp", failure);
}

/* All networks of the machine have one pool of memory for what waits in TCP. A network begins with the machine's own
 * settings, by which a few hundred sockets take a good part of it; with these one of TCP that nobody has enlarged holds
 * 80 KiB or so. The least, the default to send and that to receive from are the kernel's own, or half of it. What a
 * process leaves unsent, and nobody answers any more, is given up after a second, not after two minutes: until then it
 * keeps the network. */
static bool keep_sockets_small(const struct init *init, struct failure *failure) {
    static const struct {
        const char *name, *value;
    } settings[] = {{"ipv4/tcp_rmem", "4096 65536 131072"},
                    {"ipv4/tcp_wmem", "4096 16384 65536"},
                    {"ipv4/tcp_orphan_retries", "1"}};
    if (init->networks_fd < 0) return true;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        ssize_t length = (ssize_t)strlen(settings[i].value);
        int fd = openat(init->networks_fd, settings[i].name, O_WRONLY | O_CLOEXEC);
        if (fd < 0 || write(fd, settings[i].value, (size_t)length) != length)
            return fail(failure, STEP_SOCKET_BUFFERS, settings[i].name);
        close(fd);
    }
    close(init->networks_fd);
    return true;
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

/* In a user namespace the kernel lets nobody see more of /proc than was to be seen before: the template has the host's. */
static bool mount_proc(struct failure *failure) {
    if (mount("proc", "proc", "proc", MOUNT_FLAGS | MS_NOEXEC, "hidepid=2,subset=pid") != 0)
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

static bool fork_program(struct init *init, struct failure *failure) {
    int gate[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, gate) != 0)
        return fail(failure, STEP_FORK_PROGRAM, "gate");
    struct clone_args args = {.flags = CLONE_PIDFD,
                              .pidfd = (uint64_t)(uintptr_t)&init->program_pidfd,
                              .exit_signal = SIGCHLD};
    if ((init->request.head.features & FEATURE_CGROUP_V2) && init->fd_count > FD_CGROUP_FIRST) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (unsigned int)init->fds[FD_CGROUP_FIRST];
    }
    if (init->spawner->tid_address != NULL) { /* no exec will tell libc who it is */
        args.flags |= CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
        args.child_tid = (uint64_t)(uintptr_t)init->spawner->tid_address;
    }
    init->program = (pid_t)syscall(SYS_clone3, &args, sizeof args);
    if (init->program == 0) run_program(&init->request, init->fds, init->fd_count, gate[1], init->spawner);
    int error = errno;
    close(gate[1]);
    init->gate_fd = gate[0];
    return init->program > 0 || fail_with(failure, STEP_FORK_PROGRAM, error, NULL);
}

/* While the program confines itself: this is on nobody's way. */
static bool drop_memory(const struct init *init, struct failure *failure) {
    return init->spawner->drop_memory == NULL || init->spawner->drop_memory() ||
           fail(failure, STEP_FORK_PROGRAM, "memory");
}

/* ---- the job ---- */

/* Its streams are the spawner's until then, and so the supervisor's standard error, or a zygote's. */
static bool leave_streams(const struct init *init) {
    for (int fd = 0; fd < STREAMS; fd++)
        if (dup3(init->null_fd, fd, O_CLOEXEC) < 0) return false;
    return true;
}

/* From here on init is nobody: the program must have nothing to win by attacking it, and it keeps
 * only what it needs to watch. The write ends go too, or the pipes would never end. */
static bool become_nobody(struct init *init, struct failure *failure) {
    for (int i = 0; i < init->fd_count; i++)
        if (i != FD_CONTROL && i != FD_STDOUT_DRAIN && i != FD_STDERR_DRAIN) close(init->fds[i]);
    close(init->box_fd);
    if (!leave_streams(init)) return fail(failure, STEP_INIT_PRIVILEGES, "streams");
    if (!drop_bounding_set() || !become_user(&init->request, init->request.head.init_uid) || !clear_capabilities() ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) /* again: the uid change has cleared it */
        return fail(failure, STEP_INIT_PRIVILEGES, NULL);
    if ((init->request.head.features & FEATURE_SECCOMP) && install_filter(&init->spawner->filters.init, 0) < 0)
        return fail(failure, STEP_INIT_FILTER, NULL);
    return true;
}

static bool place(struct init *init, int job_fd, struct failure *failure) {
    struct job job;
    if (!read_job(job_fd, &job, failure)) return false;
    act_as_program(init);
    bool placed = place_files(&job, init->box_fd, failure);
    if (!act_as_root()) return fail(failure, STEP_FILES, "back to root");
    return placed;
}

/* The program gets the job itself too: its arguments and environment are in it. */
static void begin_job(struct init *init, const int fds[], int fd_count) {
    const char command = COMMAND_JOB;
    struct failure failure = {0};
    bool ready = (fd_count > 0 || fail_with(&failure, STEP_JOB, EPROTO, "descriptors are missing")) &&
                 place(init, fds[0], &failure) && (fd_count < 2 || attach_out(fds[1], &failure)) &&
                 become_nobody(init, &failure);
    if (!ready) report_and_exit(init, &failure);
    if (fd_count == 2) close(fds[1]);
    init->start_ns = monotonic_ns();
    /* A program that has died at the gate has not run: its end would not be the submission's. */
    if (!send_with_fds(init->gate_fd, &command, sizeof command, fds, 1)) {
        fail(&failure, STEP_GATE, "the program takes no job");
        report_and_exit(init, &failure);
    }
    close(fds[0]);
}

/* ---- watching ---- */

/* False when the supervisor is gone. */
static bool obey_command(struct init *init) {
    char command;
    int fds[JOB_FDS_MAX], fd_count;
    ssize_t received = receive_with_fds(init->fds[FD_CONTROL], &command, sizeof command, fds, JOB_FDS_MAX, &fd_count);
    if (received <= 0) return false;
    switch (command) {
    case COMMAND_JOB:
        if (init->start_ns == 0 && init->gate_fd >= 0) begin_job(init, fds, fd_count);
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

/* The program-to-be says that it is ready, or booted, or why it never will be; after the gate was opened its
 * end of the socket closes when the program begins. */
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
    if (received == (ssize_t)sizeof event) { /* passed on as it is */
        report(init, &event);
        if (event.kind != EVENT_BOOTED) _exit(1);
        return;
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
        /* The gate before the children, to its last word: what has failed is told before an exit status. */
        if (polled[CONTROL].revents && !obey_command(init)) _exit(0);
        if (polled[GATE].revents) hear_gate(init);
        if (polled[LISTENER].revents & POLLIN) hear_seccomp(init);
        else if (polled[LISTENER].revents) init->listener_fd = -1; /* no task uses the filter any more */
        if (polled[CHILDREN].revents && !polled[GATE].revents) reap(init);
        if (polled[STDOUT].revents) drain(init, 0);
        if (polled[STDERR].revents) drain(init, 1);
    }
}

_Noreturn void run_init(const int fds[], int fd_count, const struct spawner *spawner) {
    struct init init = {.fds = fds,
                        .fd_count = fd_count,
                        .spawner = spawner,
                        .box_fd = -1,
                        .gate_fd = -1,
                        .listener_fd = -1,
                        .program_pidfd = -1,
                        .out_fd = -1,
                        .networks_fd = -1};
    struct failure failure = {0};

    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (!take_request(&init, &failure) ||
        !make_root(&init.request, &failure) ||
        !make_work_area(&init, &failure) ||
        !mount_proc(&failure) ||
        !leave_template(&failure) ||
        !keep_sockets_small(&init, &failure) ||
        !raise_loopback(&init, &failure) ||
        !watch_children(&init, &failure) ||
        !fork_program(&init, &failure) ||
        !drop_memory(&init, &failure))
        report_and_exit(&init, &failure);
    watch(&init);
}
