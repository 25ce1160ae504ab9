#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;
static int left;

static void found(const char *what) {
    printf("%s\n", what);
    left = 42;
}

static const char *read_all(const char *path) {
    static char text[8192];
    FILE *file = fopen(path, "r");
    text[file ? fread(text, 1, sizeof text - 1, file) : 0] = 0;
    if (file) fclose(file);
    return text;
}

/* For the run after it to find; 0 where it is done. */
static int leave(void) {
    sigset_t all;
    sigfillset(&all);
    int failed = open("/tmp/left", O_CREAT, 0600) < 0 || open("/dev/shm/left", O_CREAT, 0600) < 0;
    failed |= setenv("LEFT", "1", 1) | chdir("/tmp") | sigprocmask(SIG_BLOCK, &all, NULL);
    umask(0);
    pid_t pids[] = {getppid(), getpid()};
    for (int n = 0; n < 2; n++) {
        struct rlimit few = {16, 16}, small = {1 << 16, 1 << 16};
        int refused = setpriority(PRIO_PROCESS, (id_t)pids[n], 3);
        refused |= prlimit(pids[n], RLIMIT_NOFILE, &few, NULL);
        refused |= prlimit(pids[n], RLIMIT_FSIZE, &small, NULL);
        failed |= n && refused;
    }
    if (failed) perror("leave");
    return failed;
}

/* See state.py. */
int main(void) {
    puts("attempt");
    const char *status = read_all("/proc/self/status");
    if (!strstr(status, "\nUmask:\t0022\n")) found("umask");
    if (!strstr(status, "\nSigBlk:\t0000000000000000\n")) found("blocked signals");
    int nice = -1;
    sscanf(strrchr(read_all("/proc/self/stat"), ')') + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %d", &nice);
    if (nice != 0) found("nice");
    int limits = 0;
    for (const char *line = read_all("/proc/self/limits"); line; line = strchr(line, '\n')) {
        char soft[32], hard[32];
        line += *line == '\n';
        if (strncmp(line, "Max ", 4) != 0) continue;
        limits += sscanf(line + 26, "%31s %31s", soft, hard) == 2;
        int few = strncmp(line, "Max open files", 14) == 0 && atoi(hard) < 24;
        int small = strncmp(line, "Max file size", 13) == 0 && *hard != 'u' && atoll(hard) < 1 << 20;
        int differ = strcmp(soft, hard) != 0 && strncmp(line, "Max cpu time", 12) != 0;
        if (differ || few || small) printf("%.60s\n", line), found("limit");
    }
    if (limits < 14) found("no limits to be read");
    const char *places[] = {"/tmp", "/dev/shm"};
    for (int n = 0; n < 2; n++) {
        DIR *place = opendir(places[n]);
        for (struct dirent *each; place && (each = readdir(place));)
            if (each->d_name[0] != '.') found("files");
    }
    if (getpid() > 10) found("pid");
    for (char **each = environ; *each; each++)
        if (strncmp(*each, "PATH=", 5) && strncmp(*each, "HOME=", 5) && strncmp(*each, "LANG=", 5) && strncmp(*each, "TMPDIR=", 7)) found(*each);
    return left ? left : leave();
}
