/* frames.c: parse_request and next_template_op, driven alone. Reads frames from stdin, each a kind
 * byte ('r' request, 't' template, 'p' to step past it) and a length; says for each what came of it,
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

static void parse(const char *bytes, size_t length) {
    struct request request;
    struct failure failure = {0};
    if (!parse_request(bytes, length, &request, &failure)) {
        printf("refused %s %d %s\n", step_name(failure.step), failure.error, failure.detail);
    } else {
        const char *content = request.contents;
        for (uint32_t i = 0; i < request.head.rlimit_count; i++) touched += request.rlimits[i].soft;
        for (uint32_t i = 0; i < request.head.file_count; i++) {
            touch(request.files[i].name, strlen(request.files[i].name) + 1);
            touch(content, request.files[i].size_bytes);
            content += request.files[i].size_bytes;
        }
        for (char **at = request.argv; *at != NULL; at++) touch(*at, strlen(*at) + 1);
        for (char **at = request.envp; *at != NULL; at++) touch(*at, strlen(*at) + 1);
        printf("accepted %u %u", request.head.init_uid, request.head.program_uid);
        for (uint32_t i = 0; i < request.head.file_count; i++) {
            putchar(' ');
            for (const char *at = request.files[i].name; *at != '\0'; at++) printf("%02x", (unsigned char)*at);
        }
        putchar('\n');
    }
    free(request.rlimits);
    free(request.files);
    free(request.argv);
    free(request.envp);
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
        else (kind == 'r' ? parse : walk)(bytes, length);
        free(bytes);
    }
    return touched == UINT64_MAX ? 3 : 0;
}
