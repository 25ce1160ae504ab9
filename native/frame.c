/* frame.c: bytes to structs. Every length is checked against what is left before it is used;
 * there is no system call here, so that a fuzzer can drive it alone. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cell.h"

struct cursor {
    const char *at;
    const char *end;
};

static bool take(struct cursor *cursor, void *into, size_t size) {
    if ((size_t)(cursor->end - cursor->at) < size) return false;
    memcpy(into, cursor->at, size);
    cursor->at += size;
    return true;
}

/* A string of `length` bytes and a NUL, with no NUL inside; stays where it is. */
static const char *take_string(struct cursor *cursor, size_t length) {
    size_t left = (size_t)(cursor->end - cursor->at);
    if (left <= length || cursor->at[length] != '\0' || memchr(cursor->at, '\0', length) != NULL) return NULL;
    const char *string = cursor->at;
    cursor->at += length + 1;
    return string;
}

/* `count` strings, each behind its length, as a NULL-terminated vector. */
static char **take_vector(struct cursor *cursor, uint32_t count) {
    if (count > (size_t)(cursor->end - cursor->at) / (sizeof(uint32_t) + 1)) return NULL;
    char **vector = calloc((size_t)count + 1, sizeof *vector);
    for (uint32_t i = 0; vector != NULL && i < count; i++) {
        uint32_t length;
        const char *string = take(cursor, &length, sizeof length) ? take_string(cursor, length) : NULL;
        if (string == NULL) {
            free(vector);
            return NULL;
        }
        vector[i] = (char *)(uintptr_t)string; /* execve wants char *const, and does not write */
    }
    return vector;
}

/* Relative, and made of real names only: the work area is the only place that it can name. */
static bool is_safe_name(const char *name) {
    if (*name == '\0' || *name == '/') return false;
    for (const char *part = name; part != NULL;) {
        const char *slash = strchr(part, '/');
        size_t length = slash == NULL ? strlen(part) : (size_t)(slash - part);
        if (length == 0 || (length == 1 && part[0] == '.') || (length == 2 && part[0] == '.' && part[1] == '.'))
            return false;
        part = slash == NULL ? NULL : slash + 1;
    }
    return true;
}

static bool take_files(struct cursor *cursor, struct job *job, uint64_t *contents_bytes) {
    uint32_t count = job->head.file_count;
    *contents_bytes = 0;
    if (count > (size_t)(cursor->end - cursor->at) / sizeof(struct wire_file)) return false;
    job->files = calloc((size_t)count + 1, sizeof *job->files);
    if (job->files == NULL) return false;
    for (uint32_t i = 0; i < count; i++) {
        struct wire_file wire;
        if (!take(cursor, &wire, sizeof wire)) return false;
        const char *name = take_string(cursor, wire.name_len);
        if (name == NULL || !is_safe_name(name)) return false;
        if (wire.size_bytes > (uint64_t)(cursor->end - cursor->at)) return false;
        *contents_bytes += wire.size_bytes;
        job->files[i] = (struct file_entry){.name = name, .mode = wire.mode, .size_bytes = wire.size_bytes};
    }
    return true;
}

bool parse_request(const void *bytes, size_t length, struct request *request, struct failure *failure) {
    struct cursor cursor = {.at = bytes, .end = (const char *)bytes + length};
    memset(request, 0, sizeof *request);

    if (!take(&cursor, &request->head, sizeof request->head))
        return fail_with(failure, STEP_REQUEST, EPROTO, "shorter than its head");
    if (request->head.version != WIRE_VERSION)
        return fail_with(failure, STEP_REQUEST, EPROTO, "version of another build");
    bool one_uid = request->head.features & FEATURE_ONE_UID;
    if (one_uid && (request->head.init_uid != 0 || request->head.program_uid != 0))
        return fail_with(failure, STEP_REQUEST, EPROTO, "uids that a namespace of one uid has not");
    if (!one_uid && (request->head.init_uid == 0 || request->head.program_uid == 0 ||
                     request->head.init_uid == request->head.program_uid))
        return fail_with(failure, STEP_REQUEST, EPROTO, "uids must be two, and neither root");

    size_t rlimits_size = (size_t)request->head.rlimit_count * sizeof *request->rlimits;
    if (rlimits_size > (size_t)(cursor.end - cursor.at)) return fail_with(failure, STEP_REQUEST, EPROTO, "rlimits");
    request->rlimits = malloc(rlimits_size + 1);
    if (request->rlimits == NULL) return fail(failure, STEP_REQUEST, "rlimits");
    take(&cursor, request->rlimits, rlimits_size);

    request->layers = take_vector(&cursor, request->head.layer_count);
    if (request->layers == NULL) return fail_with(failure, STEP_REQUEST, EPROTO, "layers");
    for (char **path = request->layers; *path != NULL; path++)
        if (**path != '/') return fail_with(failure, STEP_REQUEST, EPROTO, "layers");
    request->argv = take_vector(&cursor, request->head.argc);
    if (request->argv == NULL) return fail_with(failure, STEP_REQUEST, EPROTO, "argv");
    if (request->head.argc == 0 && (request->head.features & FEATURE_BOOT))
        return fail_with(failure, STEP_REQUEST, EPROTO, "nothing to boot");
    request->envp = take_vector(&cursor, request->head.envc);
    if (request->envp == NULL) return fail_with(failure, STEP_REQUEST, EPROTO, "environment");
    return cursor.at == cursor.end || fail_with(failure, STEP_REQUEST, EPROTO, "longer than its parts");
}

bool parse_job(const void *bytes, size_t length, struct job *job, struct failure *failure) {
    struct cursor cursor = {.at = bytes, .end = (const char *)bytes + length};
    uint64_t contents_bytes;
    memset(job, 0, sizeof *job);

    if (!take(&cursor, &job->head, sizeof job->head)) return fail_with(failure, STEP_JOB, EPROTO, "shorter than its head");
    if (job->head.version != WIRE_VERSION) return fail_with(failure, STEP_JOB, EPROTO, "version of another build");
    if (!take_files(&cursor, job, &contents_bytes)) return fail_with(failure, STEP_JOB, EPROTO, "files");
    job->argv = take_vector(&cursor, job->head.argc);
    if (job->argv == NULL || job->head.argc == 0) return fail_with(failure, STEP_JOB, EPROTO, "argv");
    job->envp = take_vector(&cursor, job->head.envc);
    if (job->envp == NULL) return fail_with(failure, STEP_JOB, EPROTO, "environment");
    if (contents_bytes != (uint64_t)(cursor.end - cursor.at)) return fail_with(failure, STEP_JOB, EPROTO, "contents");
    job->contents = cursor.at;
    return true;
}

/* The next record of a template: path and data as NUL-terminated strings in place (data may hold
 * NULs of its own; its length is op->data_len). False at the end, or with *cursor != end when broken. */
bool next_template_op(const char **at, const char *end, struct template_op *op, const char **path, const char **data) {
    struct cursor cursor = {.at = *at, .end = end};
    if (!take(&cursor, op, sizeof *op)) return false;
    *path = take_string(&cursor, op->path_len);
    if (*path == NULL) return false;
    if ((size_t)(cursor.end - cursor.at) <= op->data_len || cursor.at[op->data_len] != '\0') return false;
    *data = cursor.at;
    *at = cursor.at + op->data_len + 1;
    return true;
}
