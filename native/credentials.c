/* credentials.c: giving privileges up for good. */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cell.h"

/* The group has the same number. In a user namespace of one uid there is nobody else to become, and the kernel
 * does not let its groups be changed: what is left then is reported by the supervisor's look at the process. */
bool become_user(const struct request *request, uid_t uid) {
    if (request->head.features & FEATURE_ONE_UID) return true;
    return setgroups(0, NULL) == 0 && setresgid(uid, uid, uid) == 0 && setresuid(uid, uid, uid) == 0;
}

/* The kernel says where its capabilities end: the first number that it does not know is EINVAL. */
bool drop_bounding_set(void) {
    for (unsigned long capability = 0;; capability++) {
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
        return errno == EINVAL && capability > 0;
    }
}

bool clear_capabilities(void) {
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 && syscall(SYS_capset, &head, none) == 0;
}

/* Returns the listener with SECCOMP_FILTER_FLAG_NEW_LISTENER, else 0; -1 with errno. */
int install_filter(const struct sock_fprog *filter, unsigned int flags) {
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, filter);
}
