/* wire.h: what crosses the helper's sockets. README.md tells the story; this is the letter of it.
 *
 * All integers are in the machine's own byte order: both ends are always on one machine and
 * come from one build, which WIRE_VERSION checks.
 */
#ifndef CELLBLOCK_WIRE_H
#define CELLBLOCK_WIRE_H

#include <stdint.h>

#define WIRE_VERSION 6u

/* Where a spawner keeps its end of its socket (a helper's argv says where the supervisor put it), and a program the
 * gate until the job has come: numbers that no program meets when it opens its first files. */
#define SPAWNER_FD 254
#define GATE_FD 255

/* How far above its own the CPU limit of what boots stands, until its job comes and warm.c lowers it to the limit and
 * what was used by then: the kernel counts from the start of the process, and a runtime's threads do not all wait. */
#define BOOT_CPU_S 86400

/* ---- supervisor -> spawner: SOCK_SEQPACKET, one struct a message, descriptors beside it ---- */

enum spawner_op {
    OP_TEMPLATE = 1, /* descriptor: template memfd */
    OP_SPAWN = 2,    /* descriptors: see enum spawn_fd */
    OP_FILTERS = 3,  /* descriptors: program filter memfd, init filter memfd; once, before any cell */
    OP_ZYGOTE = 4,   /* descriptors: see enum zygote_fd; starts an interpreter that becomes a spawner itself */
};

struct spawner_message {
    uint32_t version;
    uint32_t op;
    uint32_t cell_id;     /* repeated in the answer */
    uint32_t clone_flags; /* the CLONE_NEW* of the cell; at OP_TEMPLATE those of cells to come, which the spawner takes too */
};

/* The order of the descriptors beside OP_SPAWN. What follows FD_CGROUP_FIRST are cgroup descriptors
 * (on v2 one directory to be born in, on v1 one cgroup.procs a hierarchy), and last, with FEATURE_SMALL_SOCKETS, the
 * directory of the kernel's settings of networks: what is opened below it is of the network of who opens. */
enum spawn_fd {
    FD_REQUEST, /* memfd with a struct cell_request and what follows it */
    FD_CONTROL, /* init's end of the cell's own SOCK_SEQPACKET pair */
    FD_STDIN,
    FD_STDOUT,
    FD_STDERR,
    FD_STDOUT_DRAIN, /* read ends, for what comes after the supervisor's bound */
    FD_STDERR_DRAIN,
    FD_CGROUP_FIRST,
};
#define SPAWN_FDS_MAX (FD_CGROUP_FIRST + 5)

/* The order of the descriptors beside OP_ZYGOTE. The interpreter has them as 0, 1, 2 and SPAWNER_FD. */
enum zygote_fd {
    ZYGOTE_FD_REQUEST, /* memfd with a struct cell_request whose rlimits, argv and environment are the interpreter's */
    ZYGOTE_FD_SOCKET,
    ZYGOTE_FD_STDIN,
    ZYGOTE_FD_STDOUT,
    ZYGOTE_FD_STDERR,
    ZYGOTE_FDS,
};

/* ---- spawner -> supervisor: the answer to each message, in order; a good OP_SPAWN carries init's pidfd, a good
 *      OP_ZYGOTE the interpreter's ---- */

#define STEP_NAME_MAX 32
#define DETAIL_MAX 160

struct spawner_answer {
    uint32_t op;
    uint32_t cell_id;
    int32_t pid;     /* init's pid as the spawner sees it */
    int32_t error;   /* errno of the failed step, 0 when good */
    char step[STEP_NAME_MAX];
    char detail[DETAIL_MAX]; /* the path or name that it was about */
};

/* ---- the request memfd, what a cell is made from: this struct, then in this order
 *        rlimit_count  x struct wire_rlimit
 *        layer_count   x uint32_t length, bytes, NUL         (mounts of the template that the cell sees; absolute paths)
 *        argc          x uint32_t length, bytes, NUL         (with FEATURE_BOOT what is executed before the job comes)
 *        envc          x uint32_t length, bytes, NUL
 */
enum cell_feature {
    FEATURE_CGROUP_V2 = 1u << 0,      /* the cgroup descriptor is a v2 directory */
    FEATURE_CGROUP_NS = 1u << 1,      /* the program gets a cgroup namespace of its own */
    FEATURE_SECCOMP = 1u << 2,        /* the program filter is installed */
    FEATURE_SECCOMP_NOTIFY = 1u << 3, /* ... with a listener that init holds */
    FEATURE_OUT_WRITABLE = 1u << 4,   /* /out can be written; a detached clone of it comes with EVENT_READY */
    FEATURE_BOOT = 1u << 5,           /* the program is executed at once, and itself waits at the gate for the job */
    FEATURE_LOOPBACK = 1u << 6,       /* the loopback interface is up */
    FEATURE_ONE_UID = 1u << 7,        /* the user namespace has no uid but its root: both uids are 0, and stay */
    FEATURE_SMALL_SOCKETS = 1u << 8,  /* with FEATURE_LOOPBACK: little waits in each of its TCP sockets */
};

struct cell_request {
    uint32_t version;
    uint32_t features;
    uint32_t init_uid;    /* group of the same number */
    uint32_t program_uid; /* group of the same number */
    uint64_t work_area_bytes;
    uint64_t work_area_inodes;
    uint32_t rlimit_count;
    uint32_t layer_count;
    uint32_t argc;
    uint32_t envc;
};

/* ---- the job memfd, what runs in a cell: this struct, then in this order
 *        file_count    x struct wire_file, each followed by name_len bytes and a NUL
 *        argc          x uint32_t length, bytes, NUL         (argv[0] is the path that is executed)
 *        envc          x uint32_t length, bytes, NUL
 *        the files' contents, one after another
 */
struct cell_job {
    uint32_t version;
    uint32_t file_count;
    uint32_t argc;
    uint32_t envc;
};

struct wire_rlimit {
    uint32_t resource; /* RLIMIT_* */
    uint32_t reserved;
    uint64_t soft;
    uint64_t hard;
};

struct wire_file {
    uint32_t mode;
    uint32_t name_len; /* relative path below the work area, no NUL, no "." or ".." part */
    uint64_t size_bytes;
};

/* ---- supervisor -> init: one byte a command ---- */

enum init_command {
    COMMAND_JOB = 'j',          /* once; beside it the job memfd and, where there is one, the detached mount for /out */
    COMMAND_DRAIN_STDOUT = 'o', /* from now on throw away what the program writes */
    COMMAND_DRAIN_STDERR = 'e',
};

/* ---- init -> supervisor ---- */

enum cell_event_kind {
    EVENT_READY = 1,   /* confined and, without FEATURE_BOOT, waiting at the gate; beside it: see below */
    EVENT_FAILED = 2,  /* step and error say what; init ends */
    EVENT_SECCOMP = 3, /* syscall_nr and syscall_arch were stopped; init waits to be ended */
    EVENT_EXITED = 4,  /* the program has ended; init waits to be ended */
    EVENT_BOOTED = 5,  /* with FEATURE_BOOT: what was executed waits at the gate */
};

/* Beside EVENT_READY: the program's pidfd, with FEATURE_OUT_WRITABLE the clone of /out, with
 * FEATURE_SECCOMP_NOTIFY the listener. */
#define READY_FDS_MAX 3
#define JOB_FDS_MAX 2

struct cell_event {
    uint32_t kind;
    int32_t error;
    int32_t wait_status;  /* as waitpid gives it */
    uint32_t reaped;      /* orphans that init reaped besides the program */
    uint64_t start_ns;    /* CLOCK_MONOTONIC when the gate was opened */
    uint64_t end_ns;      /* ... when the program was reaped */
    uint32_t syscall_nr;
    uint32_t syscall_arch; /* AUDIT_ARCH_* */
    char step[STEP_NAME_MAX];
    char detail[DETAIL_MAX];
};

/* ---- the template memfd: records of a struct template_op, path, NUL, data, NUL ---- */

enum template_kind {
    TEMPLATE_DIR = 1,      /* path, mode */
    TEMPLATE_FILE = 2,     /* path, data = content, mode */
    TEMPLATE_SYMLINK = 3,  /* path, data = target */
    TEMPLATE_BIND = 4,     /* path, data = source on the host; read-only, nosuid, nodev */
    TEMPLATE_DEVICE = 5,   /* path, data = source on the host; a device node: read-only, nosuid, noexec */
    TEMPLATE_HOSTNAME = 6, /* data = host name; nothing is done without a uts namespace of our own */
    TEMPLATE_PROC = 7,     /* path: the host's /proc with all that is mounted below it */
    TEMPLATE_NODE = 8,     /* path, data = source on the host; a device node like it */
};

struct template_op {
    uint32_t kind;
    uint32_t mode;
    uint32_t path_len;
    uint32_t data_len;
};

#endif
