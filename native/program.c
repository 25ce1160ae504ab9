/* program.c: what becomes pid 2, from fork to exec. run_program reads as the recipe of confinement;
 * its order is forced: the cgroup while still root, the bounding set before the uid, the filter
 * after everything that it would forbid, and nothing of the submission is read before the gate.
 * run_zygote starts an interpreter that makes such programs of itself. */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cell.h"

/* SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, which older headers do not know. */
#define WAIT_KILLABLE (1u << 5)

static bool join_cgroups(const struct request *request, const int fds[], int fd_count, struct failure *failure) {
    if (request->head.features & FEATURE_CGROUP_V2) return true; /* born in it */
    for (int i = FD_CGROUP_FIRST; i < fd_count; i++)
        if (write(fds[i], "0", 1) != 1) return fail(failure, STEP_CGROUP_JOIN, NULL);
    return true;
}

/* After the join, so that the program's own cgroup is the root that it sees. */
static bool enter_cgroup_namespace(const struct request *request, struct failure *failure) {
    if (!(request->head.features & FEATURE_CGROUP_NS)) return true;
    return unshare(CLONE_NEWCGROUP) == 0 || fail(failure, STEP_CGROUP_NAMESPACE, NULL);
}

static bool start_session(struct failure *failure) {
    if (setsid() < 0) return fail(failure, STEP_SESSION, NULL);
    umask(022);
    return true;
}

/* As a shell would start it: nothing blocked, nothing ignored. Asked of the kernel itself, because libc
 * keeps two signals to itself and leaves them ignored where a parent had them so. */
bool reset_signals(void) {
    static const char default_action[64]; /* a zeroed struct sigaction of the kernel's: SIG_DFL */
    for (int number = 1; number < NSIG; number++) /* KILL and STOP refuse, rightly */
        syscall(SYS_rt_sigaction, number, default_action, NULL, _NSIG / 8);
    sigset_t none;
    sigemptyset(&none);
    return sigprocmask(SIG_SETMASK, &none, NULL) == 0;
}

/* stdin, stdout, stderr, and `last` as `last_target`; of what is from `first_fd` on nothing else passes. The targets
 * may be numbers of the sources, so all four go above them first. */
static bool arrange_descriptors(const int stdio[], int last, int last_target, int first_fd, struct failure *failure) {
    const int from[] = {stdio[0], stdio[1], stdio[2], last}, to[] = {0, 1, 2, last_target};
    int high[4];
    for (int i = 0; i < 4; i++)
        if ((high[i] = fcntl(from[i], F_DUPFD_CLOEXEC, GATE_FD + 1)) < 0) return fail(failure, STEP_DESCRIPTORS, NULL);
    for (int i = 0; i < 4; i++)
        if (dup3(high[i], to[i], 0) < 0) return fail(failure, STEP_DESCRIPTORS, NULL);
    return (syscall(SYS_close_range, first_fd, last_target - 1, 0) == 0 &&
            syscall(SYS_close_range, last_target + 1, ~0u, 0) == 0) ||
           fail(failure, STEP_DESCRIPTORS, NULL);
}

static bool restore_signals(const struct spawner *spawner, struct failure *failure) {
    return spawner->restore_signals() || fail(failure, STEP_SIGNALS, NULL);
}

static bool renew(const struct spawner *spawner, struct failure *failure) {
    return spawner->renew_executable == NULL || spawner->renew_executable() ||
           fail(failure, STEP_FORK_PROGRAM, "executable");
}

static bool set_rlimits(const struct request *request, struct failure *failure) {
    for (uint32_t i = 0; i < request->head.rlimit_count; i++) {
        const struct wire_rlimit *wire = &request->rlimits[i];
        const struct rlimit limit = {.rlim_cur = wire->soft, .rlim_max = wire->hard};
        if (setrlimit((int)wire->resource, &limit) != 0) return fail(failure, STEP_RLIMITS, NULL);
    }
    return true;
}

static bool drop_privileges(const struct request *request, struct failure *failure) {
    if (!drop_bounding_set()) return fail(failure, STEP_BOUNDING_SET, NULL);
    if (!become_user(request, request->head.program_uid)) return fail(failure, STEP_CREDENTIALS, NULL);
    if (!clear_capabilities()) return fail(failure, STEP_CAPABILITIES, NULL);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail(failure, STEP_NO_NEW_PRIVS, NULL);
    return true;
}

/* After the cgroup was joined, which it is counted by. */
static bool take_memory(const struct spawner *spawner, struct failure *failure) {
    return spawner->take_memory == NULL || spawner->take_memory() || fail(failure, STEP_FORK_PROGRAM, "memory");
}

/* Once init has heard of a call, only a fatal signal ends the wait of its caller (Linux 5.19); before
 * that, any signal handler of the program's could. */
static int install_with_listener(const struct sock_fprog *filter) {
    int listener_fd = install_filter(filter, SECCOMP_FILTER_FLAG_NEW_LISTENER | WAIT_KILLABLE);
    if (listener_fd < 0 && errno == EINVAL) listener_fd = install_filter(filter, SECCOMP_FILTER_FLAG_NEW_LISTENER);
    return listener_fd;
}

/* The listener goes to init with the word that we are ready; here it is closed at once. */
static bool confine_and_report(const struct request *request, const struct filters *filters, struct failure *failure) {
    const struct cell_event ready = {.kind = EVENT_READY};
    int listener_fd = -1;
    if (request->head.features & FEATURE_SECCOMP) {
        bool notify = request->head.features & FEATURE_SECCOMP_NOTIFY;
        int installed = notify ? install_with_listener(&filters->program) : install_filter(&filters->program, 0);
        if (installed < 0) return fail(failure, STEP_SECCOMP, NULL);
        if (notify) listener_fd = installed;
    }
    bool sent = send_with_fds(GATE_FD, &ready, sizeof ready, &listener_fd, listener_fd >= 0);
    if (listener_fd >= 0) close(listener_fd);
    return sent || fail(failure, STEP_GATE, NULL);
}

static bool wait_at_gate(int *job_fd, struct failure *failure) {
    char command;
    int count;
    ssize_t received = receive_with_fds(GATE_FD, &command, sizeof command, job_fd, 1, &count);
    if (received != 1 || count != 1) return fail_with(failure, STEP_GATE, received < 0 ? errno : EPROTO, NULL);
    return true;
}

/* A step of its own: where exec fails, it is for what is executed. */
static bool enter_work_area(struct failure *failure) {
    return chdir("/box") == 0 || fail(failure, STEP_WORK_DIRECTORY, NULL);
}

_Noreturn void report_to_gate(const struct failure *failure) {
    struct cell_event event = {.kind = EVENT_FAILED, .error = failure->error};
    strncpy(event.step, step_name(failure->step), sizeof event.step - 1);
    memcpy(event.detail, failure->detail, sizeof event.detail);
    send_with_fds(GATE_FD, &event, sizeof event, NULL, 0);
    _exit(127);
}

/* The gate stays open over exec: who is executed waits there (warm.c). */
static _Noreturn void boot(const struct request *request, struct failure *failure) {
    execve(request->argv[0], request->argv, request->envp);
    fail(failure, STEP_EXEC, request->argv[0]);
    report_to_gate(failure);
}

/* Who had the gate could speak to init. */
static bool close_gate_on_exec(struct failure *failure) {
    return fcntl(GATE_FD, F_SETFD, FD_CLOEXEC) == 0 || fail(failure, STEP_GATE, NULL);
}

void execute_job(int job_fd, struct failure *failure) {
    struct job job;
    if (read_job(job_fd, &job, failure) && close_gate_on_exec(failure)) {
        close(job_fd);
        execve(job.argv[0], job.argv, job.envp);
        fail(failure, STEP_EXEC, job.argv[0]);
    }
    report_to_gate(failure);
}

_Noreturn void run_program(const struct request *request, const int fds[], int fd_count, int gate_fd,
                           const struct spawner *spawner) {
    struct failure failure = {0};
    int job_fd;

    if (!join_cgroups(request, fds, fd_count, &failure) ||
        !enter_cgroup_namespace(request, &failure) ||
        !start_session(&failure) ||
        !arrange_descriptors(&fds[FD_STDIN], gate_fd, GATE_FD, spawner->first_fd, &failure)) {
        dup3(gate_fd, GATE_FD, 0);
        report_to_gate(&failure);
    }

    if (!restore_signals(spawner, &failure) ||
        !renew(spawner, &failure) ||
        !set_rlimits(request, &failure) ||
        !drop_privileges(request, &failure) ||
        !enter_work_area(&failure) ||
        !take_memory(spawner, &failure) ||
        !confine_and_report(request, &spawner->filters, &failure))
        report_to_gate(&failure);

    if (request->head.features & FEATURE_BOOT) boot(request, &failure);
    if (!wait_at_gate(&job_fd, &failure)) report_to_gate(&failure);
    spawner->begin(job_fd, &failure);
    _exit(127);
}

/* Root, in the spawner's namespaces, and of the root's own files: it never sees anything of a submission. Its stack is
 * that of its programs, whose memory is laid out with its. */
_Noreturn void run_zygote(const int fds[]) {
    struct failure failure = {0};
    struct request request;
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    dup3(fds[ZYGOTE_FD_STDERR], 2, 0);
    if (read_request(fds[ZYGOTE_FD_REQUEST], &request, &failure) &&
        arrange_descriptors(&fds[ZYGOTE_FD_STDIN], fds[ZYGOTE_FD_SOCKET], SPAWNER_FD, 3, &failure) &&
        start_session(&failure) && (reset_signals() || fail(&failure, STEP_SIGNALS, NULL)) &&
        set_rlimits(&request, &failure) && enter_work_area(&failure)) {
        execve(request.argv[0], request.argv, request.envp);
        fail(&failure, STEP_EXEC, request.argv[0]);
    }
    dprintf(2, "%s: %s", step_name(failure.step), strerror(failure.error));
    _exit(127); /* its socket's end tells the supervisor to listen */
}
