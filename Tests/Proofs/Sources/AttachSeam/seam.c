#define _GNU_SOURCE
#include "AttachSeam.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    /* In seconds: more than anything is waited for. */
    AN_HOUR = 3600,
    /* In microseconds: a thread that has not stopped by then is left to itself. */
    LONGEST_PAUSE = 300,
    LOOK_EVERY = 200,
    LOOKS = 500,
};

static struct attach_seam seam;
static const volatile uint64_t *counted;
/* What children write too. */
static struct {
    uint64_t sent[ATTACH_SEAM_SIGNALS];
    int steps, begun, completed;
    bool was_wait;
} *shared;
static bool is_used, is_expired;
static int steps;
static id_t waited_for;

const volatile uint64_t *attach_seam_map(const char *path)
{
    size_t size = ATTACH_SEAM_SIGNALS * sizeof(uint64_t);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    void *words = mmap(NULL, size, PROT_READ, MAP_SHARED, file, 0);

    if (file >= 0)
        close(file);
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (words == MAP_FAILED || shared == MAP_FAILED)
        return NULL;
    memcpy(shared->sent, words, size);
    return words;
}

int attach_seam_fork(void)
{
    return fork();
}

const uint64_t *attach_seam_sent(void)
{
    return shared->sent;
}

void attach_seam_begin(const struct attach_seam *plan, const volatile uint64_t *arrived)
{
    seam = *plan;
    counted = arrived;
    is_used = true;
    is_expired = false;
    steps = waited_for = 0;
    shared->begun++;
}

void attach_seam_end(bool is_complete)
{
    is_used = is_expired = false;
    shared->steps = steps;
    shared->completed += is_complete;
}

bool attach_seam_was_wait(void)
{
    return shared->was_wait;
}

int attach_seam_begun(void)
{
    return shared->begun;
}

int attach_seam_completed(void)
{
    return shared->completed;
}

int attach_seam_steps(void)
{
    return shared->steps;
}

/* A signal that has no queue is sent only when the one before has come: the two would be one. */
static void send_signal(int number, bool to_thread)
{
    bool is_queued = number >= SIGRTMIN;

    if (!is_queued && counted[number] != shared->sent[number])
        return;
    shared->sent[number]++;
    if (is_queued)
        sigqueue(seam.process, number, (union sigval){.sival_int = (int)shared->sent[number]});
    else if (to_thread)
        syscall(SYS_tgkill, seam.process, seam.thread, number);
    else
        kill(seam.process, number);
}

static void send_signals(void)
{
    send_signal(SIGABRT, false);
    send_signal(SIGUSR2, false);
    send_signal(SIGTRAP, false);
    send_signal(SIGFPE, true);
    send_signal(SIGRTMIN + 4, false);
    send_signal(SIGRTMIN + 4, false);
}

static void pause_at_random(void)
{
    if (seam.seed == 0)
        return;
    seam.seed = seam.seed * 6364136223846793005ull + 1442695040888963407ull;
    if (seam.seed >> 61 == 0)
        usleep((seam.seed >> 32) % LONGEST_PAUSE);
}

/* Returns whether the tracer ends with this step. */
static bool step(void)
{
    int number = steps;

    if (!is_used)
        return false;
    steps++;
    pause_at_random();
    if (number == seam.send_at)
        send_signals();
    if (number != seam.end_at)
        return false;
    shared->was_wait = false;
    if (seam.ending == ATTACH_SEAM_PROCESS_KILLED) {
        kill(seam.process, SIGKILL);
        usleep(LOOK_EVERY * LOOKS);
        return false;
    }
    if (seam.ending == ATTACH_SEAM_KILLED)
        kill(getpid(), SIGKILL);
    is_expired = true;
    return true;
}

static void let_stop(int thread)
{
    siginfo_t information = {0};

    for (int looks = 0; looks < LOOKS && information.si_pid == 0; looks++) {
        if (syscall(SYS_waitid, P_PID, thread, &information,
                    WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL, NULL) < 0)
            return;
        if (information.si_pid == 0)
            usleep(LOOK_EVERY);
    }
}

long ptrace(enum __ptrace_request request, ...)
{
    va_list arguments;
    pid_t thread;
    void *address, *data;

    va_start(arguments, request);
    thread = va_arg(arguments, pid_t);
    address = va_arg(arguments, void *);
    data = va_arg(arguments, void *);
    va_end(arguments);
    step();
    waited_for = 0;
    return syscall(SYS_ptrace, (long)request, thread, address, data);
}

int waitid(idtype_t type, id_t thread, siginfo_t *information, int options)
{
    /* What only asks whether a thread has ended waits for nothing. */
    if (is_used && (options & WSTOPPED) != 0 && thread != waited_for) {
        waited_for = thread;
        if (step()) {
            shared->was_wait = true;
            if (seam.ending == ATTACH_SEAM_STOP_IS_UNSEEN)
                let_stop(thread);
            return 0;
        }
    }
    return syscall(SYS_waitid, type, thread, information, options, NULL);
}

ssize_t process_vm_writev(pid_t process, const struct iovec *from, unsigned long from_count,
                          const struct iovec *to, unsigned long to_count, unsigned long flags)
{
    step();
    return syscall(SYS_process_vm_writev, process, from, from_count, to, to_count, flags);
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    int result = syscall(SYS_clock_gettime, clock, time);

    if (is_expired && clock == CLOCK_MONOTONIC)
        time->tv_sec += AN_HOUR;
    return result;
}
