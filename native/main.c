/* main.c: cellblock's cell helper.
 *
 * Theory of operation
 * ===================
 * Three kinds of process run this binary.
 *
 *   supervisor (Python, root) ──SEQPACKET──▶ spawner ──clone3──▶ init ──clone3──▶ program
 *        │                                                        ▲
 *        └───────────────── SEQPACKET, one pair a cell ───────────┘
 *
 * spawner   One for each root that cells can have; root, alone in mount, uts, ipc and net namespaces.
 *           At OP_TEMPLATE it builds the read-only root from the supervisor's list, enters it with
 *           pivot_root and detaches the old root (template.c): from then on no path of the host
 *           exists for it or for any child. At OP_SPAWN it clones an init into new pid, mount, net,
 *           ipc and uts namespaces and answers with init's pidfd. It parses nothing of a request.
 * init      Pid 1 of one cell (init.c). As root it mounts the cell's one tmpfs and its own /proc,
 *           puts the submission's files in place by descriptor and forks. Then it becomes a uid of
 *           its own without capabilities, behind a filter of its own (an allow-list), and watches:
 *           its control socket, the gate, the seccomp listener, its children. It is never in the
 *           limited cgroup, so no limit of the program can silence it. It reaps every orphan.
 * program   Pid 2 (program.c). Joins the limited cgroup (on v2: is born in it), takes a cgroup
 *           namespace, a session, clean signals and descriptors, rlimits, loses every capability
 *           and its uid, sets no_new_privs, installs the filter, and waits at the gate. The
 *           supervisor reads from /proc what this process really is, and only then opens the gate.
 *           Never pid 1: a pid 1 ignores signals that it does not handle, and verdicts would lie.
 *
 * What each channel carries: wire.h to the letter, README.md in words. Set-up is a recipe of steps
 * (steps.h); the first that fails is reported by name with its errno and ends the cell. The end of
 * a control socket ends its cell; the end of init ends everything in its pid namespace; the end
 * of the spawner ends every init (PDEATHSIG). So nothing of a cell can outlive the supervisor.
 *
 * "Root" may be root of a user namespace only, which the supervisor has entered where it is an ordinary user:
 * the recipe is the same. Of namespaces that the host does not give, the supervisor says none in clone_flags.
 *
 * The filters come as finished BPF from the supervisor, which builds them with libseccomp from a
 * table: this program stays small, static, and without a dependency but libc.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cell.h"

enum template_fd { TEMPLATE_FD_ENTRIES, TEMPLATE_FD_PROGRAM_FILTER, TEMPLATE_FD_INIT_FILTER, TEMPLATE_FDS };

static bool load_filter(int fd, struct sock_fprog *filter, struct failure *failure) {
    struct stat status;
    if (fstat(fd, &status) != 0) return fail(failure, STEP_FILTER_LOAD, NULL);
    size_t count = (size_t)status.st_size / sizeof *filter->filter;
    if (count == 0 || count > BPF_MAXINSNS || (size_t)status.st_size % sizeof *filter->filter != 0)
        return fail_with(failure, STEP_FILTER_LOAD, EPROTO, "length is not that of a filter");
    void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED) return fail(failure, STEP_FILTER_LOAD, NULL);
    *filter = (struct sock_fprog){.len = (unsigned short)count, .filter = bytes};
    return true;
}

static bool set_up_template(const int fds[], int fd_count, uint32_t clone_flags, struct filters *filters,
                            struct failure *failure) {
    if (fd_count != TEMPLATE_FDS) return fail_with(failure, STEP_PROTOCOL, EPROTO, "template descriptors");
    if (filters->program.len != 0) return fail_with(failure, STEP_PROTOCOL, EPROTO, "a second template");
    return load_filter(fds[TEMPLATE_FD_PROGRAM_FILTER], &filters->program, failure) &&
           load_filter(fds[TEMPLATE_FD_INIT_FILTER], &filters->init, failure) &&
           enter_template(fds[TEMPLATE_FD_ENTRIES], clone_flags, failure);
}

static bool spawn(const struct spawner_message *message, const int fds[], int fd_count, const struct filters *filters,
                  pid_t *pid, int *pidfd, struct failure *failure) {
    if (filters->program.len == 0) return fail_with(failure, STEP_PROTOCOL, EPROTO, "no template yet");
    struct clone_args args = {.flags = CLONE_PIDFD | message->clone_flags,
                              .pidfd = (uint64_t)(uintptr_t)pidfd,
                              .exit_signal = SIGCHLD};
    *pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
    if (*pid == 0) {
        close(SPAWNER_FD);
        run_init(fds, fd_count, filters);
    }
    return *pid > 0 || fail(failure, STEP_CLONE_INIT, NULL);
}

static bool answer(const struct spawner_message *message, pid_t pid, int pidfd, const struct failure *failure) {
    struct spawner_answer answer = {.op = message->op, .cell_id = message->cell_id, .pid = pid};
    if (failure->failed) {
        answer.error = failure->error != 0 ? failure->error : EIO;
        strncpy(answer.step, step_name(failure->step), sizeof answer.step - 1);
        memcpy(answer.detail, failure->detail, sizeof answer.detail);
    }
    return send_with_fds(SPAWNER_FD, &answer, sizeof answer, &pidfd, pidfd >= 0);
}

/* One message; false when the supervisor is gone or no longer understood. */
static bool serve_one(struct filters *filters) {
    struct spawner_message message;
    struct failure failure = {0};
    int fds[SPAWN_FDS_MAX], fd_count = 0, pidfd = -1;
    pid_t pid = 0;

    ssize_t received = receive_with_fds(SPAWNER_FD, &message, sizeof message, fds, SPAWN_FDS_MAX, &fd_count);
    if (received != (ssize_t)sizeof message || message.version != WIRE_VERSION) return false;
    if (message.op == OP_TEMPLATE)
        set_up_template(fds, fd_count, message.clone_flags, filters, &failure);
    else if (message.op == OP_SPAWN)
        spawn(&message, fds, fd_count, filters, &pid, &pidfd, &failure);
    else
        fail_with(&failure, STEP_PROTOCOL, EPROTO, "unknown operation");
    for (int i = 0; i < fd_count; i++) close(fds[i]);
    bool answered = answer(&message, pid, pidfd, &failure);
    if (pidfd >= 0) close(pidfd);
    return answered;
}

/* The socket's number is the only argument; it goes to where everybody expects it. */
static bool take_socket(int argc, char **argv) {
    int type;
    socklen_t size = sizeof type;
    char *end;
    if (argc != 2) return false;
    long number = strtol(argv[1], &end, 10);
    if (*end != '\0' || number < 3 || number > 65535) return false;
    int fd = (int)number;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_SEQPACKET) return false;
    if (fd == SPAWNER_FD) return fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
    return dup3(fd, SPAWNER_FD, O_CLOEXEC) == SPAWNER_FD && close(fd) == 0;
}

int main(int argc, char **argv) {
    if (!take_socket(argc, argv)) {
        fprintf(stderr, "cellblock-cell is started by cellblock's supervisor, with the number of a socket; "
                        "to run a program use: cellblock run FILE\n");
        return 2;
    }
    signal(SIGCHLD, SIG_IGN); /* inits are watched by pidfd, nobody waits for them here */
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);

    struct filters filters = {0};
    while (serve_one(&filters)) continue;
    return 0;
}
