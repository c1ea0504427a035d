/* The first and only program of the Linux that linux-proof stops, saves and restores. On each CPU a thread counts the
 * expirations of a timer and checks what it computes with; every beat the whole is judged and told by one line:
 *
 *     beat N count CNTVCT frequency HZ ticks T rounds R barriers B typed L interrupts I late MS
 *
 * What is wrong is a line "wrong: ..." and the end. After $beats beats it says "all right" and turns the machine off. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CPUS = 8, TICK = 10000000, BEAT = 200000000, SECOND = 1000000000 };

static int cpus;
static atomic_ulong ticks[MAX_CPUS], rounds, barriers, typed, latest;
static int turn[MAX_CPUS]; /* eventfds: it is this CPU's turn in the ring */

static void off(void)
{
    tcdrain(1);
    reboot(RB_POWER_OFF);
    for (;;)
        pause();
}

__attribute__((format(printf, 1, 2))) static void wrong(const char *format, ...)
{
    char line[256] = "wrong: ";
    va_list values;

    va_start(values, format);
    vsnprintf(line + 7, sizeof line - 9, format, values);
    va_end(values);
    strcat(line, "\n");
    write(1, line, strlen(line));
    off();
}

static uint64_t count(void)
{
    uint64_t value;

    __asm__ volatile("isb\n mrs %0, cntvct_el0" : "=r"(value)::"memory");
    return value;
}

static uint64_t frequency(void)
{
    uint64_t value;

    __asm__("mrs %0, cntfrq_el0" : "=r"(value));
    return value;
}

static uint64_t monotonic(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * (uint64_t)SECOND + time.tv_nsec;
}

/* The clock never goes back, on no CPU behind another. */
static void check_clock(void)
{
    uint64_t before = latest, now = monotonic();

    if (now < before)
        wrong("CLOCK_MONOTONIC went back from %lu to %lu", before, now);
    while (before < now && !atomic_compare_exchange_weak(&latest, &before, now))
        ;
}

/* Loads all vector registers from `given` and stores them to `found` after so many turns of a loop, in which other threads
 * and interrupts come. A register is LETTER and its number; its place is the number times UNIT. */
#define HOLD_VECTORS(letter, unit, given, found) \
    __asm__ volatile( \
        ".macro each op\n" \
        ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n" \
        "\\op " letter "\\n, [x9, #\\n" unit "]\n" \
        ".endr\n" \
        ".endm\n" \
        "mov x9, %0\n each ldr\n" \
        "mov x10, #20000\n" \
        "1: subs x10, x10, #1\n b.ne 1b\n" \
        "mov x9, %1\n each str\n" \
        ".purgem each\n" \
        : \
        : "r"(given), "r"(found) \
        : "memory", "cc", "x9", "x10", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", \
          "v13", "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", \
          "v29", "v30", "v31")

static void check_simd(uint64_t seed)
{
    uint64_t given[64], found[64];

    for (int i = 0; i < 64; i++)
        given[i] = (seed + i) * 0x9e3779b97f4a7c15;
    HOLD_VECTORS("q", " * 16", given, found);
    if (memcmp(given, found, sizeof given) != 0)
        wrong("the vector registers changed");
}

/* The same with the whole length of SVE's. */
__attribute__((target("arch=armv8.2-a+sve"))) static void check_sve(uint64_t seed)
{
    static __thread uint8_t given[32 * 256], found[32 * 256];
    uint64_t length;

    __asm__ volatile("rdvl %0, #1" : "=r"(length));
    for (uint64_t i = 0; i < 32 * length; i++)
        given[i] = (seed + i) * 0x9d;
    HOLD_VECTORS("z", ", mul vl", given, found);
    if (memcmp(given, found, 32 * length) != 0)
        wrong("the vector registers of SVE changed");
}

/* A pointer with the code that the process's key gives it. */
__attribute__((target("arch=armv8.3-a"))) static uint64_t signed_pointer(void)
{
    uint64_t value = 0x123456789000;

    __asm__ volatile("pacia %0, %1" : "+r"(value) : "r"(0x5eedul));
    return value;
}

static void *compute(void *argument)
{
    uint64_t number = (uintptr_t)argument, first = 0;
    uint64_t has_keys = getauxval(AT_HWCAP) & HWCAP_PACA;
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(number, &set);
    sched_setaffinity(0, sizeof set, &set);
    if (has_keys)
        first = signed_pointer();
    for (uint64_t turn = 0;; turn++) {
        check_simd(number << 32 | turn);
        if (getauxval(AT_HWCAP) & HWCAP_SVE)
            check_sve(number << 32 | turn);
        if (has_keys && signed_pointer() != first)
            wrong("the keys of pointer authentication changed");
        check_clock();
        /* An interrupt to every CPU that runs another of these threads, and none of them may be lost: it waits for all. */
        if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) != 0)
            wrong("membarrier: %s", strerror(errno));
        barriers++;
        nanosleep(&(struct timespec){.tv_nsec = 3000000}, NULL);
    }
    return NULL;
}

/* Every expiration of a timer of 10 ms is counted, and there are as many as that time has passed. */
static void *tick(void *argument)
{
    uint64_t number = (uintptr_t)argument, start, expired, sum = 0, passed;
    int timer = timerfd_create(CLOCK_MONOTONIC, 0);
    struct itimerspec interval = {.it_interval.tv_nsec = TICK};
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(number, &set);
    sched_setaffinity(0, sizeof set, &set);
    start = monotonic() + TICK;
    interval.it_value = (struct timespec){start / SECOND, start % SECOND};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &interval, NULL);
    for (;;) {
        uint64_t before = monotonic();

        if (read(timer, &expired, sizeof expired) != sizeof expired)
            wrong("timer: %s", strerror(errno));
        sum += expired;
        passed = (monotonic() - start) / TICK + 1;
        if (sum > passed || (before > start && sum < (before - start) / TICK))
            wrong("CPU %lu counted %lu ticks of its timer, where time for %lu had passed", number, sum, passed);
        ticks[number] = sum;
    }
    return NULL;
}

/* Each CPU wakes the next one, by an interrupt where that is idle. */
static void *ring(void *argument)
{
    uint64_t number = (uintptr_t)argument, token;
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(number, &set);
    sched_setaffinity(0, sizeof set, &set);
    for (;;) {
        if (read(turn[number], &token, sizeof token) != sizeof token || token != 1)
            wrong("CPU %lu was woken %lu times for one turn", number, token);
        rounds += number == 0;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        token = 1;
        write(turn[(number + 1) % cpus], &token, sizeof token);
    }
    return NULL;
}

static void *read_console(void *argument)
{
    char letter;

    (void)argument;
    while (read(0, &letter, 1) == 1) {
        if (letter != (char)('a' + typed % 26))
            wrong("letter %lu that was typed is 0x%x", typed, letter);
        typed++;
    }
    wrong("the console ended: %s", strerror(errno));
    return NULL;
}

/* How often the console has interrupted. */
static unsigned long console_interrupts(void)
{
    char line[512];
    unsigned long sum = 0;
    FILE *file = fopen("/proc/interrupts", "r");

    while (file && fgets(line, sizeof line, file)) {
        char *number = strchr(line, ':');

        if (!number || !strstr(line, "uart"))
            continue;
        number++;
        for (int i = 0; i < cpus; i++)
            sum += strtoul(number, &number, 10);
    }
    if (file)
        fclose(file);
    return sum;
}

static void start(void *(*body)(void *), int number)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, body, (void *)(uintptr_t)number) != 0)
        wrong("no thread");
}

static void set_up(void)
{
    struct termios mode;

    mkdir("/proc", 0755);
    mount("proc", "/proc", "proc", 0, NULL);
    tcgetattr(0, &mode);
    cfmakeraw(&mode); /* also without carriage returns, so that no message of the kernel comes inside a line */
    tcsetattr(0, TCSANOW, &mode);
    cpus = sysconf(_SC_NPROCESSORS_ONLN);
    if (cpus > MAX_CPUS)
        cpus = MAX_CPUS;
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) != 0)
        wrong("membarrier: %s", strerror(errno));
    for (int i = 0; i < cpus; i++)
        turn[i] = eventfd(i == 0, 0);
    for (int i = 0; i < cpus; i++) {
        start(tick, i);
        start(ring, i);
        start(compute, i);
    }
    start(read_console, 0);
}

/* What the counter has passed is what the clock has passed, in nanoseconds. */
static void check_counter(uint64_t first_count, uint64_t first_time)
{
    uint64_t before = monotonic(), ticks = count() - first_count, after = monotonic();
    uint64_t passed = (unsigned __int128)ticks * SECOND / frequency() + first_time;

    if (passed + 2000000 < before || passed > after + 2000000)
        wrong("the clock is at %lu and the counter at %lu ns", before, passed);
}

int main(void)
{
    uint64_t first_time, first_count, deadline;
    int beats = atoi(getenv("beats") ?: "20");

    set_up();
    first_time = monotonic();
    first_count = count();
    deadline = first_time;
    printf("%d CPUs\n", cpus);
    for (int beat = 1; beat <= beats; beat++) {
        struct timespec time;
        unsigned long sum = 0, read, interrupts;

        deadline += BEAT;
        time = (struct timespec){deadline / SECOND, deadline % SECOND};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) != 0)
            ;
        check_clock();
        check_counter(first_count, first_time);
        for (int i = 0; i < cpus; i++)
            sum += ticks[i];
        read = typed;
        interrupts = console_interrupts();
        printf("beat %d count %lu frequency %lu ticks %lu rounds %lu barriers %lu typed %lu interrupts %lu late %lu\n", beat,
            count(), frequency(), sum, rounds, barriers, read, interrupts,
            (monotonic() - deadline) / 1000000);
        fflush(stdout);
    }
    printf("all right\n");
    fflush(stdout);
    off();
}
