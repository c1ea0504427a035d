#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>

#include "GuestPrograms.h"

static volatile uint8_t *volatile target;

static void interrupt(int number)
{
    (void)number;
    if (target != NULL)
        *target = 1;
}

int guest_interrupt_prepare(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_handler = interrupt;
    return sigaction(SIGALRM, &action, NULL) < 0 ? -errno : 0;
}

void guest_interrupt_target(volatile uint8_t *immediate_exit)
{
    target = immediate_exit;
}

int guest_interrupt_after(uint64_t microseconds)
{
    struct itimerval once = {
        .it_value = {
            .tv_sec = (time_t)(microseconds / 1000000),
            .tv_usec = (suseconds_t)(microseconds % 1000000),
        },
    };

    return setitimer(ITIMER_REAL, &once, NULL) < 0 ? -errno : 0;
}
