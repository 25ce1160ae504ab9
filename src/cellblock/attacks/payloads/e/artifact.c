#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int main(void) {
    char line[16] = "", secret[512] = "";
    fgets(line, sizeof line, stdin);
    fgets(secret, sizeof secret, stdin);
    puts("attempt");
    fflush(stdout);
    int fd = open("/out/main", O_RDONLY);
    if (strcmp(line, "first\n") == 0) {
        int files[] = {open("/out/meeting", O_CREAT | O_WRONLY, 0666), open("/out/main", O_WRONLY),
                       open("/proc/self/exe", O_WRONLY), open("/out/main", O_WRONLY | O_TRUNC)};
        for (int i = 0; i < 4; i++) write(files[i], secret, strlen(secret));
        chmod("/out/main", 0777);
        fchmod(fd, 0777);
        symlink(secret, "/out/meeting");
        mkdir("/out/meeting", 0777);
        rename("/out/main", "/out/meeting");
        unlink("/out/main");
        flock(fd, LOCK_EX);
        /* Opened anew, as another run would: what that meets is held. */
        if (flock(open("/proc/self/exe", O_RDONLY), LOCK_EX | LOCK_NB) != 0) puts("held");
        fflush(stdout);
        usleep((@HELD_S@ + 0.5) * 1000000);  /* the second is compiled first */
        return 0;
    }
    struct stat found;
    int changed = lstat("/out/meeting", &found) == 0 || fstat(fd, &found) != 0 || (found.st_mode & 022) != 0;
    return changed || flock(fd, LOCK_EX | LOCK_NB) != 0 ? 42 : 0;
}
