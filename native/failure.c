/* failure.c: a failed step, named. */
#include <errno.h>
#include <stdio.h>

#include "cell.h"

const char *step_name(enum step step) {
    static const char *const names[] = {
#define X(id, name) [STEP_##id] = (name),
        STEPS(X)
#undef X
    };
    return names[step];
}

bool fail_with(struct failure *failure, enum step step, int error, const char *detail) {
    failure->failed = true;
    failure->step = step;
    failure->error = error;
    snprintf(failure->detail, sizeof failure->detail, "%s", detail == NULL ? "" : detail);
    return false;
}

bool fail(struct failure *failure, enum step step, const char *detail) {
    return fail_with(failure, step, errno, detail);
}
