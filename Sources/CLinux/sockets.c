#define _GNU_SOURCE
#include "CLinuxSockets.h"
#include "CLinuxHost.h"
#include "CLinuxProcesses.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u /* since Linux 6.3 */
#endif

/* MARK: Sockets */

int clinux_connect_unix(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t length = strlen(path);
    int fd, result;

    if (length >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    memcpy(address.sun_path, path, length);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    do
        result = connect(fd, (const struct sockaddr *)&address, sizeof(address));
    while (result < 0 && errno == EINTR);
    if (result == 0)
        return fd;
    result = -errno;
    close(fd);
    return result;
}

int64_t clinux_send(int fd, const void *bytes, size_t count, int descriptor)
{
    union {
        struct cmsghdr header; /* for its alignment */
        char room[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    struct iovec part = { .iov_base = (void *)bytes, .iov_len = count };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    ssize_t done;

    if (descriptor >= 0) {
        struct cmsghdr *header;

        message.msg_control = control.room;
        message.msg_controllen = sizeof(control.room);
        header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
    }
    do
        done = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (done < 0 && errno == EINTR);
    return done < 0 ? -errno : done;
}

static int64_t monotonic_milliseconds(void)
{
    return clinux_monotonic_nanoseconds() / 1000000;
}

static int wait_for(int fd, short events, int milliseconds)
{
    struct pollfd wanted = { .fd = fd, .events = events };
    int64_t end = monotonic_milliseconds() + milliseconds;
    int result;

    while ((result = poll(&wanted, 1, milliseconds)) < 0 && errno == EINTR) {
        if (milliseconds > 0) {
            int64_t left = end - monotonic_milliseconds();

            milliseconds = left > 0 ? (int)left : 0;
        }
    }
    return result < 0 ? -errno : result;
}

int clinux_wait_readable(int fd, int milliseconds)
{
    return wait_for(fd, POLLIN, milliseconds);
}

int clinux_wait_writable(int fd, int milliseconds)
{
    return wait_for(fd, POLLOUT, milliseconds);
}

int clinux_socket_pair(int ends[2])
{
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0 ? -errno : 0;
}

/* MARK: Files in memory */

int clinux_create_memory_file(const char *label)
{
    int fd = memfd_create(label, MFD_CLOEXEC | MFD_NOEXEC_SEAL);

    /* Some hosts refuse files that could be executed, older ones do not know the flag. */
    if (fd < 0 && errno == EINVAL)
        fd = memfd_create(label, MFD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int clinux_reopen_for_writing(int fd)
{
    char path[32];
    int copy;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    copy = open(path, O_WRONLY | O_CLOEXEC);
    return copy < 0 ? -errno : copy;
}

/* MARK: The guard. What follows to its main function runs after a fork: async-signal-safe only. */

enum {
    GUARD_TIME = 10000, /* ms for one line */
    GUARD_PAUSE = 20, /* ms between two attempts */
    GUARD_ANSWER = 1000, /* ms for an answer */
};

/* The C library has it since glibc 2.34, the kernel since 5.9. */
static int close_range_by_kernel(unsigned first, unsigned last)
{
#ifdef SYS_close_range
    return (int)syscall(SYS_close_range, first, last, 0u);
#else
    return -1;
#endif
}

static void close_range_or_each(unsigned first, unsigned last, unsigned highest)
{
    if (first > last || close_range_by_kernel(first, last) == 0)
        return;
    for (unsigned fd = first; fd <= last && fd <= highest; fd++)
        close((int)fd);
}

static void close_all_but(int one, int other, unsigned highest)
{
    unsigned low = (unsigned)(one < other ? one : other);
    unsigned high = (unsigned)(one < other ? other : one);

    if (low > 0)
        close_range_or_each(0, low - 1, highest);
    close_range_or_each(low + 1, high - 1, highest);
    close_range_or_each(high + 1, ~0u, highest);
}

static bool has(const char *text, size_t length, const char *word)
{
    size_t size = strlen(word);

    for (size_t start = 0; start + size <= length; start++) {
        if (memcmp(text + start, word, size) == 0)
            return true;
    }
    return false;
}

/* False when nobody can hear it any more. */
static bool guard_says(int socket, const char *line, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(socket, line, length, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (sent < 0 && errno != EAGAIN)
            return false;
        if (sent < 0 && wait_for(socket, POLLOUT, GUARD_ANSWER) <= 0)
            return false;
        if (sent > 0) {
            line += sent;
            length -= (size_t)sent;
        }
    }
    return true;
}

/* Whether the line with the sign that comes next says "return". */
static bool guard_hears(int socket, const char *sign)
{
    int64_t end = monotonic_milliseconds() + GUARD_ANSWER;
    char line[4096];
    size_t length = 0;
    int64_t left;

    while ((left = end - monotonic_milliseconds()) > 0) {
        char byte;

        if (wait_for(socket, POLLIN, (int)left) <= 0 || read(socket, &byte, 1) != 1)
            return false;
        if (byte != '\n') {
            /* Of a longer line, which is none of ours, the rest does not matter. */
            if (length < sizeof(line))
                line[length++] = byte;
            continue;
        }
        if (has(line, length, sign))
            return has(line, length, "\"return\"");
        length = 0;
    }
    return false;
}

static void guard_insists(int socket, const char *line, size_t length, const char *sign)
{
    struct timespec pause = { .tv_nsec = GUARD_PAUSE * 1000000L };
    int64_t end = monotonic_milliseconds() + GUARD_TIME;

    while (monotonic_milliseconds() < end) {
        if (!guard_says(socket, line, length))
            _exit(1);
        if (guard_hears(socket, sign))
            return;
        nanosleep(&pause, NULL);
    }
}

static void guard_main(int line, int socket, const char *words, const char *sign, unsigned highest)
{
    char byte;

    setsid();
    prctl(PR_SET_NAME, "vcpusnap-guard");
    close_all_but(line, socket, highest);
    /* One byte is the release; an error, which cannot be, must not make it speak. */
    if (read(line, &byte, 1) != 0)
        _exit(0);
    while (*words != '\0') {
        size_t length = strcspn(words, "\n");

        length += words[length] == '\n';
        guard_insists(socket, words, length, sign);
        words += length;
    }
    _exit(0);
}

int clinux_guard_start(int socket, const char *words, const char *sign, int *process)
{
    long highest = sysconf(_SC_OPEN_MAX);
    sigset_t all, before;
    int ends[2], error;
    pid_t child;

    /* Sockets, because a write to a pipe that nobody reads any more is a SIGPIPE. */
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    /* Blocked over the fork, so that no handler of this process ever runs in the other one. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    child = fork();
    if (child == 0)
        guard_main(ends[0], socket, words, sign, highest > 0 ? (unsigned)highest : 1024);
    error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(ends[0]);
    if (child < 0) {
        close(ends[1]);
        return -error;
    }
    *process = child;
    return ends[1];
}

int clinux_guard_release(int line, int process)
{
    int result;

    send(line, "", 1, MSG_NOSIGNAL);
    close(line);
    result = clinux_wait_for_exit(process);
    return result < 0 && result != -ECHILD ? result : 0;
}
