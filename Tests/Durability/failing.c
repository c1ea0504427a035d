/*
 * Preloaded: makes one of the calls by which the program writes files fail, or write less than it was asked to.
 * VCPUSNAP_FAIL is "CALL:NUMBER:ERROR", where CALL is write, pwrite, ftruncate, fsync, flock, rename or unlink,
 * NUMBER counts these calls on regular files from 1 on (0 is every one), and ERROR is an errno, "short" for half of
 * the bytes, or "kill" for the end of the program before the call.
 * VCPUSNAP_COUNT names a file that gets a line with the call's name for each of them.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SHORT = -1, KILL = -2 };

static const char *wanted;
static long wanted_number, wanted_error;
static long seen;
static int counter = -1;

__attribute__((constructor)) static void begin(void)
{
    const char *fail = getenv("VCPUSNAP_FAIL"), *count = getenv("VCPUSNAP_COUNT");
    char *copy, *number, *error;

    if (count != NULL)
        counter = open(count, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fail == NULL || (copy = strdup(fail)) == NULL || (number = strchr(copy, ':')) == NULL ||
        (error = strchr(number + 1, ':')) == NULL)
        return;
    *number++ = 0;
    *error++ = 0;
    wanted_number = atol(number);
    wanted_error = strcmp(error, "short") == 0 ? SHORT : strcmp(error, "kill") == 0 ? KILL : atol(error);
    wanted = copy;
}

/* Standard streams are the tests' own, in files as well. */
static int is_ours(int fd)
{
    struct stat status;

    return fd > STDERR_FILENO && fd != counter && fstat(fd, &status) == 0 &&
           (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode));
}

/* 0, or the error of this call. */
static long failure(const char *call)
{
    if (counter >= 0) {
        syscall(SYS_write, counter, call, strlen(call));
        syscall(SYS_write, counter, "\n", 1ul);
    }
    if (wanted == NULL || strcmp(wanted, call) != 0)
        return 0;
    seen++;
    if (wanted_number != 0 && seen != wanted_number)
        return 0;
    if (wanted_error == KILL)
        raise(SIGKILL);
    return wanted_error;
}

static size_t shortened(size_t size)
{
    return size > 1 ? size / 2 : size;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *bytes, size_t size)
{
    long error = is_ours(fd) ? failure("write") : 0;

    if (error > 0) {
        errno = (int)error;
        return -1;
    }
    return REAL(write)(fd, bytes, error == SHORT ? shortened(size) : size);
}

static ssize_t write_at(int fd, const void *bytes, size_t size, off_t place)
{
    long error = is_ours(fd) ? failure("pwrite") : 0;

    if (error > 0) {
        errno = (int)error;
        return -1;
    }
    return syscall(SYS_pwrite64, fd, bytes, error == SHORT ? shortened(size) : size, place);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t place)
{
    return write_at(fd, bytes, size, place);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t place)
{
    return write_at(fd, bytes, size, place);
}

static int truncated(int fd, off_t size)
{
    long error = is_ours(fd) ? failure("ftruncate") : 0;

    if (error != 0) {
        errno = error == SHORT ? EIO : (int)error;
        return -1;
    }
    return (int)syscall(SYS_ftruncate, fd, size);
}

int ftruncate(int fd, off_t size)
{
    return truncated(fd, size);
}

int ftruncate64(int fd, off64_t size)
{
    return truncated(fd, size);
}

int fsync(int fd)
{
    long error = is_ours(fd) ? failure("fsync") : 0;

    if (error != 0) {
        errno = error == SHORT ? EIO : (int)error;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

int rename(const char *from, const char *to)
{
    long error = failure("rename");

    if (error != 0) {
        errno = error == SHORT ? EIO : (int)error;
        return -1;
    }
    return REAL(rename)(from, to);
}

int flock(int fd, int operation)
{
    long error = is_ours(fd) ? failure("flock") : 0;

    if (error != 0) {
        errno = error == SHORT ? EIO : (int)error;
        return -1;
    }
    return (int)syscall(SYS_flock, fd, operation);
}

int unlink(const char *path)
{
    long error = failure("unlink");

    if (error != 0) {
        errno = error == SHORT ? EIO : (int)error;
        return -1;
    }
    return REAL(unlink)(path);
}
