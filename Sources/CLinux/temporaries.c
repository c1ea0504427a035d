#include "CLinuxTemporaries.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

/* A file is written at a time, and a few by the threads of who uses this as a library. */
enum { PLACES = 8 };

enum state { FREE, TAKEN, NAMED };

static struct {
    atomic_int state;
    char path[PATH_MAX];
} temporaries[PLACES];

int clinux_remember_temporary(const char *path)
{
    if (strlen(path) >= PATH_MAX)
        return -ENAMETOOLONG;
    for (int place = 0; place < PLACES; place++) {
        int expected = FREE;

        if (!atomic_compare_exchange_strong(&temporaries[place].state, &expected, TAKEN))
            continue;
        strcpy(temporaries[place].path, path);
        atomic_store(&temporaries[place].state, NAMED);
        return place;
    }
    return -EAGAIN;
}

void clinux_forget_temporary(int place)
{
    if (place >= 0)
        atomic_store(&temporaries[place].state, FREE);
}

/* Runs in a signal handler: async-signal-safe only. */
static void remove_and_die(int number)
{
    for (int place = 0; place < PLACES; place++) {
        if (atomic_load(&temporaries[place].state) == NAMED)
            unlink(temporaries[place].path);
    }
    signal(number, SIG_DFL);
    raise(number);
}

/* Those that end a program and are sent from outside. */
static const int fatal[] = {
    SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGALRM, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU,
};

void clinux_remove_temporaries_on_signals(void)
{
    struct sigaction action = {.sa_handler = remove_and_die}, present;

    sigemptyset(&action.sa_mask);
    for (size_t index = 0; index < sizeof(fatal) / sizeof(*fatal); index++) {
        /*
         * What is ignored, by nohup(1) for one, stays so. A handler may be there: Swift's runtime has one on
         * SIGQUIT, for crashes, which lets a program that did not crash go on as if nothing had come.
         */
        if (sigaction(fatal[index], NULL, &present) == 0 && present.sa_handler != SIG_IGN)
            sigaction(fatal[index], &action, NULL);
    }
}
