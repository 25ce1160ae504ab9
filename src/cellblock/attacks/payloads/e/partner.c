#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#define KEY 0x5EC2E7
#define TARGET "/usr/share/zoneinfo/Antarctica/Troll"

static bool first;
static char secret[64];
static const char *other_places[] = {"/usr/bin/env", "/usr", "/etc/passwd", "/dev/null", "/proc/self/exe", "/"};

/* See partner.py; print what is there, and say whether it is what the first has put there. */
static bool told(const char *found, size_t size) {
    if (!first) fwrite(found, 1, size, stdout), puts("");
    return memmem(found, size, secret, strlen(secret)) != NULL;
}

static void refused(const char *where) {
    static const int walls[] = {EACCES, EPERM, EROFS, ENOENT, EOPNOTSUPP, ETXTBSY};
    for (unsigned n = 0; first && n < sizeof walls / sizeof *walls; n++)
        if (errno == walls[n]) return;
    if (first) perror(where), exit(1);
}

static bool files(void) {
    static const char *places[] = {"/tmp", "/dev/shm", "/box", "/var/tmp", "/run", "/run/lock", "/dev/mqueue", "/out", "", "/usr/tmp", "/var/lock"};
    bool held = false;
    umask(0);
    for (unsigned n = 0; n < sizeof places / sizeof *places; n++) {
        char path[64], found[64] = "";
        snprintf(path, sizeof path, "%s/meeting", places[n]);
        int fd = open(path, first ? O_CREAT | O_RDWR | O_TRUNC : O_RDONLY, 0666);
        if (fd < 0 || (first && pwrite(fd, secret, strlen(secret), 0) < 0)) refused(path);
        ssize_t got = fd < 0 ? -1 : pread(fd, found, sizeof found, 0);
        if (got > 0) held |= told(found, (size_t)got);
    }
    return held;
}

static bool sysv(void) {
    struct { long type; char text[64]; } message = {.type = 1};
    int made = first ? IPC_CREAT : 0, shared = shmget(KEY, 4096, made | 0666), queue = msgget(KEY, made | 0666);
    bool held = shared >= 0 && queue >= 0;
    if (shared >= 0) {
        char *at = shmat(shared, NULL, 0);
        if (first) strcpy(at, secret);
        held &= told(at, 64);
    }
    if (queue >= 0) {
        for (int n = 0; n < (first ? 2 : 0); n++) strcpy(message.text, secret), msgsnd(queue, &message, sizeof message.text, 0);
        memset(message.text, 0, sizeof message.text);
        if (msgrcv(queue, &message, sizeof message.text, 0, IPC_NOWAIT) > 0) held &= told(message.text, sizeof message.text);
    }
    return held;
}

static bool queues(void) {
    char found[8192] = "";
    mqd_t queue = mq_open("/meeting", O_RDWR | O_NONBLOCK | (first ? O_CREAT : 0), 0666, NULL);
    for (int n = 0; n < (first ? 2 : 0); n++) mq_send(queue, secret, strlen(secret), 0);
    ssize_t got = queue == (mqd_t)-1 ? -1 : mq_receive(queue, found, sizeof found, NULL);
    return got > 0 && told(found, (size_t)got);
}

static bool page_cache(void) {
    struct stat about;
    if (stat(TARGET, &about) != 0) exit(1);
    int fd = open(TARGET, first ? O_RDWR : O_RDONLY);
    if (fd < 0) return refused(TARGET), false;
    char *at = mmap(NULL, 64, PROT_READ | (first ? PROT_WRITE : 0), MAP_SHARED, fd, 0);
    if (first) memcpy(at, secret, strlen(secret));
    return told(at, 64);
}

static bool attributes(void) {
    bool held = false;
    char found[64];
    for (unsigned n = 0; n <= sizeof other_places / sizeof *other_places; n++) {
        const char *place = n == sizeof other_places / sizeof *other_places ? TARGET : other_places[n];
        if (first && setxattr(place, "user.meeting", secret, strlen(secret), 0) != 0) refused(place);
        ssize_t got = getxattr(place, "user.meeting", found, sizeof found);
        if (got > 0) held |= told(found, (size_t)got);
    }
    return held;
}

static bool is_way(const char *name) { return strcmp("@WAY@", name) == 0; }

int main(void) {
    char line[16] = "";
    fgets(line, sizeof line, stdin);
    fgets(secret, sizeof secret, stdin);
    secret[strcspn(secret, "\n")] = 0;
    first = strcmp(line, "first\n") == 0;
    puts("attempt");
    fflush(stdout);
    bool held = is_way("files") ? files() : is_way("sysv") ? sysv() : is_way("mqueue") ? queues() : is_way("page_cache") ? page_cache() : attributes();
    if (first) puts(held ? "held" : "refused"), fflush(stdout), usleep((useconds_t)(@HELD_S@ * 1e6));
    return 0;
}
