#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int won;

static void judge(const char *what, int succeeded) {
    if (succeeded) won++, puts(what);
}
static int opened(const char *path, int flags) {
    int fd = open(path, flags, 0600);
    return fd >= 0 && close(fd) == 0;
}
static int created(const char *path) {
    return opened(path, O_WRONLY | O_CREAT | O_EXCL) && unlink(path) == 0;
}
static int written(const char *own) {
    char path[64];
    const char *text = strchr(own, '=') + 1;
    snprintf(path, sizeof path, "%.*s", (int)(text - own - 1), own);
    int fd = open(path, O_WRONLY);
    return fd >= 0 && write(fd, text, strlen(text)) > 0;
}
static int read_of(const char *path) {
    char byte;
    int fd = open(path, O_RDONLY), got = fd >= 0 && read(fd, &byte, 1) > 0;
    close(fd);
    return got;
}
static int listed(const char *path) {
    int count = 0;
    DIR *directory = opendir(path);
    while (directory && readdir(directory)) count++;
    return count > 2;
}
static int line_that_ends_otherwise(const char *path, const char *end) {
    char line[512];
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file)) {
        size_t size = strlen(line);
        if (size < strlen(end) || strcmp(line + size - strlen(end), end) != 0) return 1;
    }
    return 0;
}
/* Nothing is written to what may be opened for writing: that it may is enough. */
int main(void) {
    char writes[] = "@WRITES@", creates[] = "@CREATES@", own[] = "@OWN@", reads[] = "@READS@", lists[] = "@LISTS@";
    char name[256], *path;
    puts("attempt");
    fflush(stdout);
    for (path = strtok(writes, " "); path; path = strtok(0, " ")) judge(path, opened(path, O_WRONLY));
    for (path = strtok(creates, " "); path; path = strtok(0, " ")) judge(path, created(path));
    for (path = strtok(own, ";"); path; path = strtok(0, ";")) judge(path, written(path));
    for (path = strtok(reads, " "); path; path = strtok(0, " ")) judge(path, read_of(path));
    for (path = strtok(lists, " "); path; path = strtok(0, " ")) judge(path, listed(path));
    judge("group", line_that_ends_otherwise("/proc/self/cgroup", ":/\n"));
    gethostname(name, sizeof name - 1);
    judge("name", line_that_ends_otherwise("/etc/hostname", strcat(name, "\n")));
    return won;
}
