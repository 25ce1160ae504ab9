/* steps.h: every step that can fail, by the name that is reported. A step is named once, here. */
#ifndef CELLBLOCK_STEPS_H
#define CELLBLOCK_STEPS_H

#define STEPS(X)                                                                                                       \
    /* once, by the spawner */                                                                                         \
    X(PROTOCOL, "protocol")                                                                                            \
    X(TEMPLATE_NAMESPACES, "template_namespaces")                                                                      \
    X(TEMPLATE_PRIVATE, "template_mounts_private")                                                                     \
    X(TEMPLATE_ROOT, "template_root_tmpfs")                                                                            \
    X(TEMPLATE_ENTRY, "template_entry")                                                                                \
    X(TEMPLATE_BIND, "template_bind")                                                                                  \
    X(TEMPLATE_NODE, "template_node")                                                                                  \
    X(TEMPLATE_HOSTNAME, "template_hostname")                                                                          \
    X(TEMPLATE_PIVOT, "template_pivot_root")                                                                           \
    X(TEMPLATE_DETACH, "template_detach_old_root")                                                                     \
    X(TEMPLATE_READ_ONLY, "template_read_only")                                                                        \
    X(FILTER_LOAD, "filter_load")                                                                                      \
    X(CLONE_INIT, "clone_init")                                                                                        \
    X(ZYGOTE, "zygote")                                                                                                \
    /* in the cell, by init */                                                                                         \
    X(REQUEST, "request")                                                                                              \
    X(ROOT_OVERLAY, "root_overlay")                                                                                    \
    X(ROOT_DEVICES, "root_devices")                                                                                    \
    X(ROOT_PIVOT, "root_pivot")                                                                                        \
    X(WORK_AREA, "work_area_tmpfs")                                                                                    \
    X(WORK_AREA_BIND, "work_area_bind")                                                                                \
    X(PROC, "proc_mount")                                                                                              \
    X(SOCKET_BUFFERS, "socket_buffers")                                                                                \
    X(LOOPBACK, "loopback")                                                                                            \
    X(SIGNALS, "signals")                                                                                              \
    X(FORK_PROGRAM, "fork_program")                                                                                    \
    /* in the cell, by init, when the job has come */                                                                  \
    X(JOB, "job")                                                                                                      \
    X(FILES, "place_files")                                                                                            \
    X(OUT, "out_mount")                                                                                                \
    X(INIT_PRIVILEGES, "init_drop_privileges")                                                                         \
    X(INIT_FILTER, "init_seccomp")                                                                                     \
    /* in the cell, by what becomes the program */                                                                     \
    X(CGROUP_JOIN, "cgroup_join")                                                                                      \
    X(CGROUP_NAMESPACE, "cgroup_namespace")                                                                            \
    X(SESSION, "session")                                                                                              \
    X(DESCRIPTORS, "descriptors")                                                                                      \
    X(RLIMITS, "rlimits")                                                                                              \
    X(BOUNDING_SET, "capability_bounding_set")                                                                         \
    X(CREDENTIALS, "credentials")                                                                                      \
    X(CAPABILITIES, "capability_sets")                                                                                 \
    X(NO_NEW_PRIVS, "no_new_privs")                                                                                    \
    X(WORK_DIRECTORY, "work_directory")                                                                                \
    X(SECCOMP, "seccomp")                                                                                              \
    X(GATE, "gate")                                                                                                    \
    X(EXEC, "exec")

enum step {
#define X(id, name) STEP_##id,
    STEPS(X)
#undef X
};

const char *step_name(enum step step);

#endif
