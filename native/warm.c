/* warm.c: a runtime that is started ahead of the submission. Preloaded into an interpreter, it lets it boot as it
 * always does, up to the first call that names the place where the submission will be; there it stops the
 * interpreter until a job has come, and then lets it go on. The interpreter knows nothing of it: what it loads,
 * how it reads its main file, how it ends is its own, and the same as after a cold start.
 *
 * CELLBLOCK_GATE says how, and where the submission will be (a name that ends in a slash is everything below it, and
 * every relative name: those are of the work area, where programs start):
 *
 *   boot:PATH  The process is a cell's program, confined, executed with the gate open as GATE_FD. It says
 *              EVENT_BOOTED and waits for its job: one process, one run. For runtimes with threads of their own.
 *   fork:PATH  The process is a zygote, with SPAWNER_FD a supervisor's socket. Where it stops it serves as a spawner,
 *              with the very code of the helper: each cell's program is a fork of it, which is confined as every
 *              program is, waits at its gate, and goes on from here when its job comes.
 *
 * A runtime that reads the beginning of its main file long before the rest of its start (Ruby) gets a stand-in for it,
 * named by CELLBLOCK_STAND_IN: a file that holds a byte order mark, which is no part of a program's text. When the job
 * has come, the descriptor becomes the real file's. One that is booted and only asks whether its main file is there
 * (javac, before it loads most of itself) hears that it is, a regular file: the answer that it would get.
 *
 * Only the supervisor sets the variables, and they are gone before the interpreter looks at its environment.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cell.h"

#define BYTE_ORDER_MARK "\xEF\xBB\xBF"

enum mode { OFF, BOOT, FORK };

static atomic_int mode = OFF;
static char awaited[256]; /* what is after "boot:" or "fork:" */
static size_t awaited_length;
static char stood_in_for[256];
static int stand_in_fd = -1;
static char own_path[256]; /* a regular file in every root: this library */

/* In a cell. Our failure: an exit code would be the program's. */
static _Noreturn void end_by_name(enum step step, const char *detail) {
    struct failure failure = {0};
    fail(&failure, step, detail);
    report_to_gate(&failure);
}

/* In a zygote, whose supervisor hears what it says before it ends. */
static _Noreturn void end_with_words(const char *words) {
    perror(words);
    _exit(127);
}

/* ---- boot: one process, one run ---- */

/* Nothing of a submission is here before its job. To raise the limit then, instead of lowering it, would take a
 * capability that neither an ordinary user nor a container has. */
static bool limit_cpu_from_now(void) {
    struct rusage used;
    struct rlimit limit;
    if (getrusage(RUSAGE_SELF, &used) != 0 || getrlimit(RLIMIT_CPU, &limit) != 0) return false;
    rlim_t used_s = (rlim_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + 2; /* and two parts of a second */
    limit.rlim_cur = limit.rlim_cur - BOOT_CPU_S + used_s;
    limit.rlim_max = limit.rlim_max - BOOT_CPU_S + used_s;
    return setrlimit(RLIMIT_CPU, &limit) == 0;
}

static void wait_for_job(void) {
    const struct cell_event booted = {.kind = EVENT_BOOTED};
    char command;
    int job_fd, count;
    if (!send_with_fds(GATE_FD, &booted, sizeof booted, NULL, 0) ||
        receive_with_fds(GATE_FD, &command, sizeof command, &job_fd, 1, &count) != 1)
        end_by_name(STEP_GATE, "of a booted runtime");
    if (count == 1) close(job_fd); /* its files are in place, its arguments are ours */
    if (!limit_cpu_from_now()) end_by_name(STEP_RLIMITS, "from the job on");
    close(GATE_FD);
}

/* ---- fork: a spawner whose programs are this process again ---- */

static jmp_buf program;
static struct sigaction children_before;
static sigset_t blocked_before;

static bool restore_signals(void) {
    return sigaction(SIGCHLD, &children_before, NULL) == 0 && sigprocmask(SIG_SETMASK, &blocked_before, NULL) == 0;
}

static void go_on(int job_fd, struct failure *failure) {
    (void)failure;
    close(job_fd);
    longjmp(program, 1);
}

static int lowest_free_fd(void) {
    int fd = fcntl(0, F_DUPFD, 3);
    if (fd >= 0) close(fd);
    return fd;
}

/* What a runtime does after its own fork: Ruby's forgets the threads of its parent, and starts its own anew. CPython's
 * has nothing to renew where it stops, in a call without its global lock and before any module that minds forks. */
static void tell_runtime(void) {
    void (*renew)(void);
    *(void **)&renew = dlsym(RTLD_DEFAULT, "rb_thread_atfork");
    if (renew != NULL) renew();
}

/* Returns in each program, never in the zygote. What exec would have renewed for the C library is renewed by hand: its
 * idea of the thread's number (CLONE_CHILD_SETTID), and where the kernel finds the locks that a dying thread holds. */
static void spawn_programs(void) {
    static struct spawner spawner;
    static void *robust_list;
    static size_t robust_list_size;
    spawner.first_fd = lowest_free_fd();
    spawner.restore_signals = restore_signals;
    spawner.begin = go_on;
    spawner.take_memory = take_pages;
    spawner.drop_memory = drop_pages;
    spawner.renew_executable = renew_executable;
    if (!release_executable()) end_with_words("its executable cannot be let go of");
    if (spawner.first_fd < 0 || sigaction(SIGCHLD, NULL, &children_before) != 0 ||
        sigprocmask(SIG_SETMASK, NULL, &blocked_before) != 0 ||
        prctl(PR_GET_TID_ADDRESS, &spawner.tid_address, 0, 0, 0) != 0 || spawner.tid_address == NULL ||
        syscall(SYS_get_robust_list, 0, &robust_list, &robust_list_size) != 0)
        end_with_words("it does not know itself");
    if (!note_pages()) end_with_words("its memory cannot be noted");
    if (setjmp(program) == 0) {
        serve(&spawner);
        _exit(0);
    }
    syscall(SYS_set_robust_list, robust_list, robust_list_size);
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* as after exec: the program may look at itself */
    tell_runtime();
}

/* ---- the place where the interpreter stops (looks.c) ---- */

/* The Java machine looks for files of its own in the work area as it starts; their names begin with a dot, and nothing
 * starts ahead of a submission that has such files. */
static bool is_hidden(const char *name) { return name[0] == '.' && strchr("./", name[1]) == NULL; }

static bool is_awaited(const char *path) {
    if (path == NULL || path[0] == '\0') return false;
    if (awaited[awaited_length - 1] != '/') return strcmp(path, awaited) == 0;
    return path[0] == '/' ? strncmp(path, awaited, awaited_length) == 0 : !is_hidden(path);
}

static bool has_stand_in(enum mode how, const char *path) {
    return atomic_load_explicit(&mode, memory_order_relaxed) == (int)how && stood_in_for[0] != '\0' && path != NULL &&
           strcmp(path, stood_in_for) == 0;
}

const char *seen_at(const char *path) { return has_stand_in(BOOT, path) ? own_path : path; }

int stand_in(const char *path) {
    if (stand_in_fd >= 0 || !has_stand_in(FORK, path)) return -1;
    stand_in_fd = memfd_create("stand-in", MFD_CLOEXEC);
    if (stand_in_fd < 0 || write(stand_in_fd, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) < 0 ||
        lseek(stand_in_fd, 0, SEEK_SET) != 0)
        end_with_words("its main file's stand-in cannot be made");
    return stand_in_fd;
}

static void replace_stand_in(void) {
    if (stand_in_fd < 0) return;
    int fd = openat(AT_FDCWD, stood_in_for, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || dup3(fd, stand_in_fd, O_CLOEXEC) < 0) end_by_name(STEP_JOB, "main file");
    close(fd);
    stood_in_for[0] = '\0';
}

void come_by(const char *path) {
    if (atomic_load_explicit(&mode, memory_order_relaxed) == OFF || !is_awaited(path)) return;
    int error = errno;
    switch (atomic_exchange(&mode, OFF)) {
    case BOOT:
        wait_for_job();
        break;
    case FORK:
        spawn_programs();
        replace_stand_in();
        close(GATE_FD);
        break;
    default: /* another thread was first */
        break;
    }
    errno = error;
}

/* ---- the beginning ---- */

/* The supervisor puts our variables last. What is to be read of them in /proc ends before the first where the kernel
 * lets us say so (a zygote may), else it is blank. */
static void forget_variable(char **at) {
    static char *first;
    char *text = *at;
    for (char **from = at + 1; (*at = *from) != NULL; at++, from++) continue;
    memset(text, 0, strlen(text));
    if (first != NULL && first < text) return;
    first = text;
    prctl(PR_SET_MM, PR_SET_MM_ENV_END, text, 0, 0);
}

/* True, and the text after `name` in `into`, where the variable is that. */
static bool take_variable(const char *variable, const char *name, char *into, size_t size) {
    if (strncmp(variable, name, strlen(name)) != 0) return false;
    snprintf(into, size, "%s", variable + strlen(name));
    return true;
}

__attribute__((constructor)) static void begin(void) {
    char gate[sizeof awaited + 8] = "";
    enum mode wanted = OFF;
    for (char **at = environ; at != NULL && *at != NULL;) {
        if (take_variable(*at, "CELLBLOCK_GATE=", gate, sizeof gate) ||
            take_variable(*at, "CELLBLOCK_STAND_IN=", stood_in_for, sizeof stood_in_for) ||
            take_variable(*at, "LD_PRELOAD=", own_path, sizeof own_path))
            forget_variable(at);
        else
            at++;
    }
    if (take_variable(gate, "boot:", awaited, sizeof awaited)) wanted = BOOT;
    if (take_variable(gate, "fork:", awaited, sizeof awaited)) wanted = FORK;
    awaited_length = strlen(awaited);
    if (wanted == OFF || awaited_length == 0) return;
    if (wanted == BOOT && fcntl(GATE_FD, F_SETFD, FD_CLOEXEC) != 0) end_by_name(STEP_GATE, "of a runtime that boots");
    if (wanted == FORK && fcntl(SPAWNER_FD, F_SETFD, FD_CLOEXEC) != 0) end_with_words("its socket");
    atomic_store(&mode, (int)wanted);
}
