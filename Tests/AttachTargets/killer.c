/*
 * Starts a program again and again, kills it (SIGKILL) a random time after it first attached to a process,
 * and looks each time whether that process runs on as before: no thread traced or stopped, the same memory
 * map and descriptors.
 *
 * usage: killer PID COUNT SEED MICROSECONDS PROGRAM ARGS...
 *   MICROSECONDS   the program lives for at most that long after it attached
 * usage: killer --suspend PID PROGRAM ARGS...
 *   once, and it is not killed but told to stop, as by Ctrl-Z, before its input ends; when it stops, the process must
 *   be as before
 *
 * Status 1 if once it did not.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char map[1 << 20], first_map[1 << 20];

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15ull;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static void read_file(const char *path, char *buffer, size_t size)
{
    int fd = open(path, O_RDONLY);
    ssize_t done;
    size_t length = 0;

    while (fd >= 0 && (done = read(fd, buffer + length, size - 1 - length)) > 0)
        length += done;
    buffer[length] = 0;
    close(fd);
}

static int count_entries(const char *path)
{
    DIR *folder = opendir(path);
    int count = 0;

    while (folder != NULL && readdir(folder) != NULL)
        count++;
    if (folder != NULL)
        closedir(folder);
    return count;
}

/* How many threads are traced; -1000 when the process has gone. */
static int traced_threads(const char *pid)
{
    char path[300], status[4096];
    DIR *folder;
    struct dirent *entry;
    int count = 0;

    snprintf(path, sizeof(path), "/proc/%s/task", pid);
    folder = opendir(path);
    if (folder == NULL)
        return -1000;
    while ((entry = readdir(folder)) != NULL) {
        snprintf(path, sizeof(path), "/proc/%s/task/%s/status", pid, entry->d_name);
        read_file(path, status, sizeof(status));
        if (strstr(status, "State:\tt") != NULL || strstr(status, "State:\tT") != NULL ||
            (strstr(status, "TracerPid:") != NULL && strstr(status, "TracerPid:\t0\n") == NULL))
            count++;
    }
    closedir(folder);
    return count;
}

/* Reads the memory map of a process, and returns how many descriptors it has. */
static int look(const char *pid, char into[sizeof(map)])
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%s/maps", pid);
    read_file(path, into, sizeof(map));
    snprintf(path, sizeof(path), "/proc/%s/fd", pid);
    return count_entries(path);
}

/* An attached process reaches its old state within a moment; a minute is for a machine that has much else to do. */
static int is_as_before(const char *pid, int descriptors)
{
    for (int tries = 0; tries < 6000; tries++) {
        int traced = traced_threads(pid);

        if (traced < 0)
            return 0;
        if (look(pid, map) == descriptors && traced == 0 && strcmp(map, first_map) == 0)
            return 1;
        usleep(10000);
    }
    return 0;
}

/* With what is to be its input. */
static pid_t start(char **arguments, int input)
{
    pid_t child = fork();

    if (child == 0) {
        int null = open("/dev/null", O_RDWR);

        dup2(input, 0);
        dup2(null, 1);
        /* The kernel lets no terminal stop the groups that nobody in the session looks after. */
        setpgid(0, 0);
        execvp(arguments[0], arguments);
        _exit(127);
    }
    return child;
}

static void wait_until_traced(const char *pid)
{
    for (int tries = 0; tries < 60000 && traced_threads(pid) == 0; tries++)
        usleep(1000);
}

static int suspend(const char *pid, char **program)
{
    int descriptors = look(pid, first_map), status, input[2];
    pid_t child;

    if (pipe2(input, O_CLOEXEC) < 0)
        return 3;
    child = start(program, input[0]);
    wait_until_traced(pid);
    kill(child, SIGTSTP);
    close(input[1]);
    waitpid(child, &status, WUNTRACED);
    if (!WIFSTOPPED(status) || !is_as_before(pid, descriptors)) {
        printf("%s\n", WIFSTOPPED(status) ? "the process is not as before" : "it did not stop");
        kill(child, SIGKILL);
        return 1;
    }
    kill(child, SIGCONT);
    waitpid(child, &status, 0);
    return status != 0;
}

int main(int count, char **arguments)
{
    int descriptors, kills, attached = 0, mapped = 0;
    uint64_t state;

    if (count > 3 && strcmp(arguments[1], "--suspend") == 0)
        return suspend(arguments[2], arguments + 3);
    if (count < 6)
        return 64;
    kills = atoi(arguments[2]);
    state = strtoull(arguments[3], NULL, 0);
    descriptors = look(arguments[1], first_map);
    for (int n = 0; n < kills; n++) {
        uint64_t life = next_random(&state) % strtoull(arguments[4], NULL, 0);
        pid_t child = start(arguments + 5, 0);

        wait_until_traced(arguments[1]);
        usleep(life);
        kill(child, SIGSTOP); /* to look what it was doing; what it traces stays as it is */
        attached += traced_threads(arguments[1]) > 0;
        look(arguments[1], map);
        mapped += strcmp(map, first_map) != 0;
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        if (!is_as_before(arguments[1], descriptors)) {
            printf("kill %d after %llu us: the process is not as before\n%s", n,
                   (unsigned long long)life, map);
            return 1;
        }
    }
    printf("%d kills, %d while threads were stopped, %d of them with code in it\n", kills, attached,
           mapped);
    return 0;
}
