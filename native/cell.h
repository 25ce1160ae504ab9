/* cell.h: the pieces of the helper and who calls whom (top to bottom). */
#ifndef CELLBLOCK_CELL_H
#define CELLBLOCK_CELL_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "steps.h"
#include "wire.h"

/* A step that failed: which, with what errno, about what. Zeroed means none did. */
struct failure {
    bool failed;
    enum step step;
    int error;
    char detail[DETAIL_MAX];
};

/* Record the failure with the present errno (or `error`) and return false, so that a recipe
 * reads `return fail(...)`. `detail` may be NULL. */
bool fail(struct failure *failure, enum step step, const char *detail);
bool fail_with(struct failure *failure, enum step step, int error, const char *detail);

/* The two seccomp programs, as bytes from libseccomp. */
struct filters {
    struct sock_fprog program;
    struct sock_fprog init;
};

/* One file to be placed. */
struct file_entry {
    const char *name;
    uint32_t mode;
    uint64_t size_bytes;
};

/* A parsed request, what a cell is made from: pointers into the mapped memfd and a few small arrays on the heap. */
struct request {
    struct cell_request head;
    struct wire_rlimit *rlimits;
    char **layers; /* absolute paths */
    char **argv;
    char **envp;
};

/* A parsed job, what runs in a cell. */
struct job {
    struct cell_job head;
    struct file_entry *files;
    char **argv;
    char **envp;
    const char *contents; /* the files' bytes, one after another */
};

/* Who spawns: the helper, whose programs are executed, or an interpreter that has become a spawner (warm.c), whose
 * programs go on from where it stands. */
struct spawner {
    struct filters filters;
    int first_fd;                             /* descriptors from here on are the spawner's; those below the program keeps */
    bool (*restore_signals)(void);            /* what a program begins with */
    void *tid_address;                        /* where libc keeps the thread's number; NULL where exec forgets it */
    bool (*take_memory)(void);                /* make what it shares with the spawner its own; NULL where exec forgets it */
    bool (*drop_memory)(void);                /* have init let go of what only programs need; NULL where it has nothing */
    bool (*renew_executable)(void);           /* have /proc/self/exe lead into the cell's own root; NULL where exec does */
    void (*begin)(int job_fd, struct failure *failure); /* run the job; called at the open gate, never returns */
};

/* frame.c: bytes to structs, every length checked. No system calls, so it can be fuzzed. */
bool parse_request(const void *bytes, size_t length, struct request *request, struct failure *failure);
bool parse_job(const void *bytes, size_t length, struct job *job, struct failure *failure);
bool next_template_op(const char **at, const char *end, struct template_op *op, const char **path, const char **data);

/* memory.c: a memfd of the supervisor's, mapped for good and parsed. */
bool read_request(int fd, struct request *request, struct failure *failure);
bool read_job(int fd, struct job *job, struct failure *failure);

/* spawner.c: serve the supervisor until it is gone. Returns only in a process that is not the spawner: never. */
void serve(struct spawner *spawner);

/* template.c: build the read-only root and enter it; done once. Of the places in it that each cell covers, one is
 * empty and alone on its file system, because an overlay has two layers or more; over the other a cell makes its root. */
#define TEMPLATE_EMPTY "/out"
#define CELL_ROOT "/tmp"
bool enter_template(int template_fd, uint32_t clone_flags, struct failure *failure);

/* files.c: put the submission's files below an empty work area. */
bool place_files(const struct job *job, int work_area_fd, struct failure *failure);

/* root.c: a root with inodes of the cell's own, as working directory, for more to be mounted in; then as the root. */
bool make_root(const struct request *request, struct failure *failure);
bool leave_template(struct failure *failure);

/* init.c: pid 1 of a cell. Never returns. */
_Noreturn void run_init(const int fds[], int fd_count, const struct spawner *spawner);

/* program.c: what becomes pid 2, from fork to the job's begin, and a zygote, from fork to exec. Never return. */
_Noreturn void run_program(const struct request *request, const int fds[], int fd_count, int gate_fd,
                           const struct spawner *spawner);
_Noreturn void run_zygote(const int fds[]);
bool reset_signals(void);
void execute_job(int job_fd, struct failure *failure);
_Noreturn void report_to_gate(const struct failure *failure);

/* warm.c, for who looks at a file (looks.c): come by, and stop where it is time to; what is looked at instead of `path`;
 * the descriptor for an open that comes too early, -1 for any other. */
void come_by(const char *path);
const char *seen_at(const char *path);
int stand_in(const char *path);

/* pages.c: what a zygote's forks share with it until they write; noted once by the zygote, taken by each program, let
 * go of by each init as far as it is the interpreter's. */
int open_proc(void);
bool note_pages(void);
bool take_pages(void);
bool drop_pages(void);

/* executable.c, for zygotes: let go of the file that they were executed from; take the one of the cell's own root. */
bool release_executable(void);
bool renew_executable(void);

/* credentials.c */
bool become_user(const struct request *request, uid_t uid);
bool drop_bounding_set(void);
bool clear_capabilities(void);
int install_filter(const struct sock_fprog *filter, unsigned int flags);

/* sockets.c: one message with descriptors, either way. */
ssize_t receive_with_fds(int socket_fd, void *message, size_t size, int fds[], int fds_max, int *fd_count);
bool send_with_fds(int socket_fd, const void *message, size_t size, const int fds[], int fd_count);

#endif
