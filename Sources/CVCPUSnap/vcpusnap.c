#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "vcpusnap.h"
#include "cvcpusnap.h"

#define TEXT_OF(number) #number
#define VERSION(major, minor, patch) TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)

const char *vcpusnap_version(void)
{
    return VERSION(VCPUSNAP_VERSION_MAJOR, VCPUSNAP_VERSION_MINOR, VCPUSNAP_VERSION_PATCH);
}

int cvcpusnap_errno(void)
{
    return errno;
}

void cvcpusnap_set_errno(int number)
{
    errno = number;
}

int64_t cvcpusnap_write(int fd, const void *bytes, size_t size)
{
    const struct timespec at_once = {0, 0};
    sigset_t broken_pipe, before, pending;
    ssize_t result;
    int failure;

    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &broken_pipe, &before);
    do
        result = write(fd, bytes, size);
    while (result < 0 && errno == EINTR);
    failure = errno;
    /* The signal of this write, which the caller is not to see; one that was there before stays. */
    if (result < 0 && failure == EPIPE && !sigismember(&pending, SIGPIPE))
        while (sigtimedwait(&broken_pipe, NULL, &at_once) < 0 && errno == EINTR)
            ;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result < 0 ? -failure : result;
}
