#define _GNU_SOURCE
#include "CLinuxProcesses.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* posix_spawn_file_actions_addclosefrom_np is younger than what it is made for. */
#if defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 34)
#define HAS_CLOSEFROM 1
#endif
#endif

enum {
    FIRST_FREE = 3,
    PIPE_SIZE = 1 << 20,
};

/* Our ends, and the program's; -1 where there is none. */
struct ends {
    int feed, input;
    int output, program_output;
    int errors, program_errors;
    int passed;
};

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void close_ours(struct ends *ends)
{
    close_end(&ends->feed);
    close_end(&ends->output);
    close_end(&ends->errors);
}

static void close_programs(struct ends *ends)
{
    close_end(&ends->input);
    close_end(&ends->program_output);
    close_end(&ends->program_errors);
}

/*
 * Moves a descriptor out of the numbers of the standard streams, which it can have got when we were
 * started without them: the program's would overwrite it.
 */
static int move_up(int *fd)
{
    int moved;

    if (*fd >= FIRST_FREE)
        return 0;
    moved = fcntl(*fd, F_DUPFD_CLOEXEC, FIRST_FREE);
    if (moved < 0)
        return -errno;
    close(*fd);
    *fd = moved;
    return 0;
}

static int move_up_pair(int fds[2], int *first, int *second)
{
    int result;

    *first = fds[0];
    *second = fds[1];
    result = move_up(first);
    return result < 0 ? result : move_up(second);
}

static int make_pipe(int *read_end, int *write_end)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    /* Only for speed: the limit of a user's pipes may forbid it. */
    fcntl(fds[0], F_SETPIPE_SZ, PIPE_SIZE);
    return move_up_pair(fds, read_end, write_end);
}

/* A socket rather than a pipe, because send(2) can do without SIGPIPE. */
static int make_feed(int *feed, int *input)
{
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return -errno;
    return move_up_pair(fds, feed, input);
}

static int copy_input(int from, int *input)
{
    *input = fcntl(from, F_DUPFD_CLOEXEC, FIRST_FREE);
    return *input < 0 ? -errno : 0;
}

static int make_ends(int input, struct ends *ends)
{
    int result = input < 0 ? make_feed(&ends->feed, &ends->input)
                           : copy_input(input, &ends->input);

    if (result >= 0)
        result = make_pipe(&ends->output, &ends->program_output);
    if (result >= 0)
        result = make_pipe(&ends->errors, &ends->program_errors);
    return result;
}

/* posix_spawn's functions return error numbers instead of setting errno. */
static int describe_streams(posix_spawn_file_actions_t *actions, const struct ends *ends)
{
    int error = posix_spawn_file_actions_adddup2(actions, ends->input, STDIN_FILENO);

    if (error == 0)
        error = posix_spawn_file_actions_adddup2(actions, ends->program_output, STDOUT_FILENO);
    if (error == 0)
        error = posix_spawn_file_actions_adddup2(actions, ends->program_errors, STDERR_FILENO);
    /* All the others are where they are needed by then. */
    if (error == 0 && ends->passed >= 0)
        error = posix_spawn_file_actions_adddup2(actions, ends->passed, CLINUX_PASSED);
#ifdef HAS_CLOSEFROM
    /* Who started us may have left descriptors open; the other end of what we read would never end. */
    if (error == 0)
        error = posix_spawn_file_actions_addclosefrom_np(
            actions, ends->passed >= 0 ? CLINUX_PASSED + 1 : FIRST_FREE);
#endif
    return error;
}

/* The program is to die of these, whatever we do about them: of SIGPIPE when we stop reading. */
static int describe_signals(posix_spawnattr_t *attributes)
{
    sigset_t none, defaults;
    int error;

    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    sigaddset(&defaults, SIGXFSZ);
    error = posix_spawnattr_setsigmask(attributes, &none);
    if (error == 0)
        error = posix_spawnattr_setsigdefault(attributes, &defaults);
    if (error == 0)
        error = posix_spawnattr_setflags(attributes,
                                         POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    return error;
}

void clinux_set_signals(void)
{
    /* The end of a child is lost where the signal of it is ignored, which is inherited. */
    signal(SIGCHLD, SIG_DFL);
    /* A file that has become as large as is allowed is an error of write(2) then. */
    signal(SIGXFSZ, SIG_IGN);
}

/* Else what is opened next takes the place of a closed standard stream, and gets what is printed there. */
void clinux_fill_standard_streams(void)
{
    for (int number = STDIN_FILENO; number <= STDERR_FILENO; number++) {
        int filling;

        if (fcntl(number, F_GETFD) >= 0 || errno != EBADF)
            continue;
        /* Opened so that using it fails, as it does with a closed one. */
        filling = open("/dev/null", number == STDIN_FILENO ? O_WRONLY : O_RDONLY);
        if (filling < 0)
            filling = open("/", O_RDONLY | O_DIRECTORY);
        /* The lowest number that is free is the one that is to be filled. */
        if (filling != number)
            abort();
    }
}

static int spawn(const char *program, char *const arguments[], const struct ends *ends, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&actions);

    if (error != 0)
        return -error;
    error = posix_spawnattr_init(&attributes);
    if (error == 0) {
        error = describe_streams(&actions, ends);
        if (error == 0)
            error = describe_signals(&attributes);
        if (error == 0)
            error = posix_spawnp(pid, program, &actions, &attributes, arguments, environ);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return -error;
}

/* The words, one behind another, as execve(2) takes them; NULL where there is no memory. */
static char **make_arguments(const char *words, int count)
{
    char **arguments = calloc((size_t)count + 1, sizeof *arguments);

    for (int word = 0; arguments && word < count; word++) {
        /* execve(2) does not change the strings; its prototype is older than const. */
        arguments[word] = (char *)words;
        words += strlen(words) + 1;
    }
    return arguments;
}

int clinux_spawn(const char *words, int count, int input, int passed, struct clinux_child *child)
{
    char **arguments = make_arguments(words, count);
    struct ends ends = {-1, -1, -1, -1, -1, -1, passed};
    int result = arguments ? make_ends(input, &ends) : -ENOMEM;
    pid_t pid = 0;

    if (result >= 0)
        result = spawn(words, arguments, &ends, &pid);
    free(arguments);
    close_programs(&ends);
    if (result < 0) {
        close_ours(&ends);
        return result;
    }
    *child = (struct clinux_child){pid, ends.output, ends.errors, ends.feed};
    return 0;
}

int clinux_wait_for_child(int output, int errors, int feed, int milliseconds)
{
    struct pollfd fds[] = {{output, POLLIN, 0}, {errors, POLLIN, 0}, {feed, POLLOUT, 0}};
    int result;

    do
        result = poll(fds, 3, milliseconds);
    while (result < 0 && errno == EINTR);
    if (result < 0)
        return -errno;
    return (fds[0].revents != 0 ? CLINUX_OUTPUT_READY : 0) |
           (fds[1].revents != 0 ? CLINUX_ERRORS_READY : 0) |
           (fds[2].revents != 0 ? CLINUX_FEED_READY : 0);
}

static int wait_for_exit(int pid, int options)
{
    int status;
    pid_t result;

    do
        result = waitpid(pid, &status, options);
    while (result < 0 && errno == EINTR);
    if (result <= 0)
        return result < 0 ? -errno : -EAGAIN;
    return WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status);
}

int clinux_wait_for_exit(int pid)
{
    return wait_for_exit(pid, 0);
}

int clinux_exit_now(int pid)
{
    return wait_for_exit(pid, WNOHANG);
}

int clinux_kill_child(int pid)
{
    kill(pid, SIGKILL);
    return clinux_wait_for_exit(pid);
}

int clinux_set_position(int fd, int64_t offset)
{
    return lseek(fd, offset, SEEK_SET) < 0 ? -errno : 0;
}
