#include <stdio.h>
#include <unistd.h>

int main(void) {
    for (int i = 0; i < 2000; i++) {
        switch (fork()) {
        case -1:
            perror("fork");
            return 1;
        case 0:
            sleep(100);
            _exit(0);
        }
    }
}
