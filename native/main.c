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
 * init      Pid 1 of one cell (init.c). As root it lays overlays over the template, so that no inode is
 *           another cell's too, mounts there the cell's one tmpfs and its own /proc, leaves the template,
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
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cell.h"

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
    /* Inherited by everything below. Where huge pages are always taken, as Debian has it, each of a Java program's threads
     * may cost 2 MiB of its cell's memory: a limit must hold as much on every host. */
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    struct spawner spawner = {.first_fd = 3, .restore_signals = reset_signals, .begin = execute_job};
    serve(&spawner);
    return 0;
}
