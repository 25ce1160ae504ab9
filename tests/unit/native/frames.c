/* frames.c: parse_request, parse_job and next_template_op, driven alone. Reads frames from stdin, each a kind
 * byte ('r' request, 'j' job, 't' template, 'p' to step past it) and a length; says for each what came of it,
 * one line a frame.
 * Each frame lies in an allocation of exactly its size, so that a sanitizer sees a step past it. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cell.h"

static uint64_t touched; /* what was accepted is read to its last byte */

static void touch(const char *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) touched += (unsigned char)bytes[i];
}

static void touch_texts(char **texts) {
    for (char **at = texts; *at != NULL; at++) touch(*at, strlen(*at) + 1);
}

static void refuse(const struct failure *failure) {
    printf("refused %s %d %s\n", step_name(failure->step), failure->error, failure->detail);
}

static void parse_a_request(const char *bytes, size_t length) {
    struct request request;
    struct failure failure = {0};
    if (!parse_request(bytes, length, &request, &failure)) {
        refuse(&failure);
    } else {
        for (uint32_t i = 0; i < request.head.rlimit_count; i++) touched += request.rlimits[i].soft;
        touch_texts(request.layers);
        touch_texts(request.argv);
        touch_texts(request.envp);
        printf("accepted %u %u\n", request.head.init_uid, request.head.program_uid);
    }
    free(request.rlimits);
    free(request.layers);
    free(request.argv);
    free(request.envp);
}

static void parse_a_job(const char *bytes, size_t length) {
    struct job job;
    struct failure failure = {0};
    if (!parse_job(bytes, length, &job, &failure)) {
        refuse(&failure);
    } else {
        const char *content = job.contents;
        touch_texts(job.argv);
        touch_texts(job.envp);
        printf("accepted");
        for (uint32_t i = 0; i < job.head.file_count; i++) {
            touch(job.files[i].name, strlen(job.files[i].name) + 1);
            touch(content, job.files[i].size_bytes);
            content += job.files[i].size_bytes;
            putchar(' ');
            for (const char *at = job.files[i].name; *at != '\0'; at++) printf("%02x", (unsigned char)*at);
        }
        putchar('\n');
    }
    free(job.files);
    free(job.argv);
    free(job.envp);
}

static void walk(const char *bytes, size_t length) {
    const char *at = bytes, *path, *data;
    struct template_op op;
    unsigned count = 0;
    while (next_template_op(&at, bytes + length, &op, &path, &data)) {
        touch(path, strlen(path) + 1);
        touch(data, (size_t)op.data_len + 1);
        count++;
    }
    printf("%s %u\n", at == bytes + length ? "whole" : "broken", count);
}

int main(void) {
    char kind;
    uint32_t length;
    while (fread(&kind, 1, 1, stdin) == 1 && fread(&length, sizeof length, 1, stdin) == 1) {
        char *bytes = malloc(length);
        if (length > 0 && (bytes == NULL || fread(bytes, length, 1, stdin) != 1)) return 2;
        if (kind == 'p') touch(bytes, (size_t)length + 1);
        else (kind == 'r' ? parse_a_request : kind == 'j' ? parse_a_job : walk)(bytes, length);
        free(bytes);
    }
    return touched == UINT64_MAX ? 3 : 0;
}
