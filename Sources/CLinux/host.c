#define _GNU_SOURCE
#include "CLinuxHost.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

const char *clinux_strerror(int number)
{
    const char *text = strerrordesc_np(number);

    return text == NULL ? "Unknown error" : text;
}

const char *clinux_strerrorname(int number)
{
    return number == 0 ? NULL : strerrorname_np(number);
}

int clinux_kernel_release(char *buffer, size_t size)
{
    struct utsname name;
    size_t length;

    if (uname(&name) < 0)
        return -errno;
    length = strlen(name.release);
    if (length >= size)
        return -ERANGE;
    memcpy(buffer, name.release, length + 1);
    return (int)length;
}

int64_t clinux_realtime_nanoseconds(void)
{
    struct timespec now;

    return clock_gettime(CLOCK_REALTIME, &now) < 0 ? 0 : (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clinux_realtime_seconds(void)
{
    return time(NULL);
}

int64_t clinux_monotonic_nanoseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int clinux_format_utc(int64_t seconds, char *buffer, size_t size)
{
    time_t moment = seconds;
    struct tm parts;
    size_t length;

    if (gmtime_r(&moment, &parts) == NULL)
        return -errno;
    length = strftime(buffer, size, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return length == 0 ? -ERANGE : (int)length;
}

int clinux_cpus_of_thread(uint8_t *bits, size_t size)
{
    long length = syscall(SYS_sched_getaffinity, 0, size, bits);

    return length < 0 ? -errno : (int)length;
}

int clinux_set_cpus_of_thread(const uint8_t *bits, size_t size)
{
    return syscall(SYS_sched_setaffinity, 0, size, bits) < 0 ? -errno : 0;
}

const char *clinux_getenv(const char *name)
{
    return getenv(name);
}

uint64_t clinux_counter_frequency(void)
{
#if defined(__aarch64__)
    uint64_t frequency;

    __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(frequency));
    return frequency;
#else
    return 0;
#endif
}
