#define _GNU_SOURCE
#include "CLinuxAttach.h"
#include "CLinuxHost.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Names of <linux/ptrace.h>, which does not go together with <sys/ptrace.h> everywhere. */
enum {
    GET_MASK = 0x420a,
    SET_MASK = 0x420b,
    GET_FILTER = 0x420c,
    GET_RSEQ = 0x420f,
    TRACE_SYSTEM_CALLS = 1,

    /* How long waiting sleeps at a time when no signal comes. */
    PAUSE = 500000,
};

static int request(int number, int thread, uint64_t address, uint64_t data)
{
    long result = ptrace((enum __ptrace_request)number, thread, (void *)(uintptr_t)address,
                         (void *)(uintptr_t)data);

    return result < 0 ? -errno : (int)result;
}

int clinux_ptrace_seize(int thread)
{
    return request(PTRACE_SEIZE, thread, 0, TRACE_SYSTEM_CALLS);
}

int clinux_ptrace_interrupt(int thread)
{
    return request(PTRACE_INTERRUPT, thread, 0, 0);
}

int clinux_ptrace_continue(int thread, int signal)
{
    return request(PTRACE_CONT, thread, 0, (uint64_t)signal);
}

int clinux_ptrace_to_system_call(int thread, int signal)
{
    return request(PTRACE_SYSCALL, thread, 0, (uint64_t)signal);
}

int clinux_ptrace_detach(int thread, int signal)
{
    return request(PTRACE_DETACH, thread, 0, (uint64_t)signal);
}

int64_t clinux_ptrace_get_set(int thread, int type, void *buffer, size_t size)
{
    struct iovec range = {buffer, size};
    int result = request(PTRACE_GETREGSET, thread, (uint64_t)type, (uintptr_t)&range);

    return result < 0 ? result : (int64_t)range.iov_len;
}

int clinux_ptrace_set_set(int thread, int type, const void *buffer, size_t size)
{
    /* struct iovec is older than const. */
    struct iovec range = {(void *)buffer, size};

    return request(PTRACE_SETREGSET, thread, (uint64_t)type, (uintptr_t)&range);
}

int clinux_ptrace_get_mask(int thread, uint64_t *mask)
{
    return request(GET_MASK, thread, sizeof(*mask), (uintptr_t)mask);
}

int clinux_ptrace_set_mask(int thread, uint64_t mask)
{
    return request(SET_MASK, thread, sizeof(mask), (uintptr_t)&mask);
}

int clinux_ptrace_get_filter(int thread, uint64_t index, uint64_t *instructions)
{
    return request(GET_FILTER, thread, index, (uintptr_t)instructions);
}

uint64_t clinux_ptrace_get_rseq(int thread)
{
    /* struct ptrace_rseq_configuration */
    struct {
        uint64_t address;
        uint32_t size, signature, flags, unused;
    } configuration = {0, 0, 0, 0, 0};

    return request(GET_RSEQ, thread, sizeof(configuration), (uintptr_t)&configuration) < 0
               ? 0
               : configuration.address;
}

_Static_assert(sizeof(siginfo_t) == CLINUX_SIGNAL_WORDS * 8, "siginfo_t");

int clinux_ptrace_get_signal(int thread, uint64_t *information)
{
    return request(PTRACE_GETSIGINFO, thread, 0, (uintptr_t)information);
}

enum { SUSPENSIONS = 3 };
static const int suspensions[SUSPENSIONS] = {SIGTSTP, SIGTTIN, SIGTTOU};

uint64_t clinux_block_suspension(void)
{
    sigset_t all, before;
    uint64_t fresh = 0;

    sigemptyset(&all);
    for (int i = 0; i < SUSPENSIONS; i++)
        sigaddset(&all, suspensions[i]);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    for (int i = 0; i < SUSPENSIONS; i++)
        if (!sigismember(&before, suspensions[i]))
            fresh |= 1ull << (suspensions[i] - 1);
    return fresh;
}

void clinux_unblock_suspension(uint64_t signals)
{
    sigset_t set;

    sigemptyset(&set);
    for (int i = 0; i < SUSPENSIONS; i++)
        if (signals >> (suspensions[i] - 1) & 1)
            sigaddset(&set, suspensions[i]);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

int clinux_signal_thread(int process, int thread, int signal)
{
    return syscall(SYS_tgkill, process, thread, signal) < 0 ? -errno : 0;
}

int clinux_ptrace_poke(int thread, uint64_t address, uint64_t word)
{
    return request(PTRACE_POKEDATA, thread, address, word);
}

/* What wait(2) says of a thread that has stopped or is gone. */
static struct clinux_stop describe(int status)
{
    struct clinux_stop stop = {0, 0, 0};

    if (WIFEXITED(status)) {
        stop.kind = CLINUX_STOP_EXITED;
        stop.signal = WEXITSTATUS(status);
    } else if (WIFSIGNALED(status)) {
        stop.kind = CLINUX_STOP_KILLED;
        stop.signal = WTERMSIG(status);
    } else {
        stop.signal = WSTOPSIG(status) & 0x7f;
        stop.event = status >> 16;
        stop.kind = stop.event != 0 ? CLINUX_STOP_EVENT : CLINUX_STOP_SIGNAL;
        /* PTRACE_O_TRACESYSGOOD marks these by bit 7. */
        if (stop.event == 0 && WSTOPSIG(status) == (SIGTRAP | 0x80))
            stop.kind = CLINUX_STOP_SYSCALL;
    }
    return stop;
}

/* 0 when there is nothing to be taken. */
static int take_stop(int thread, struct clinux_stop *stop)
{
    int status;
    pid_t result;

    do
        result = waitpid(thread, &status, __WALL | WNOHANG);
    while (result < 0 && errno == EINTR);
    if (result < 0)
        return -errno;
    if (result > 0)
        *stop = describe(status);
    return result > 0;
}

/*
 * The kernel forgets the signal of a stop that was taken (wait_task_stopped in kernel/exit.c): if the tracer died then,
 * the thread would go on without it. So that of a signal is only looked at.
 */
static int look_for_stop(int thread, struct clinux_stop *stop)
{
    siginfo_t information = {0};
    int result;

    do
        result = waitid(P_PID, thread, &information,
                        WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL);
    while (result < 0 && errno == EINTR);
    if (result < 0)
        return -errno;
    if (information.si_pid == 0)
        return 0;
    if (information.si_code == CLD_TRAPPED) {
        *stop = describe(W_STOPCODE(information.si_status));
        if (stop->kind == CLINUX_STOP_SIGNAL)
            return 1;
    }
    return take_stop(thread, stop);
}

/* The kernel tells a tracer of stops whatever it asks for (wait_task_stopped), and forgets those that it has told. */
void clinux_take_end(int thread)
{
    siginfo_t information = {0};

    waitid(P_PID, thread, &information, WEXITED | WNOHANG | WNOWAIT | __WALL);
    if (information.si_pid != 0 && information.si_code != CLD_TRAPPED && information.si_code != CLD_STOPPED)
        waitid(P_PID, thread, &information, WEXITED | WNOHANG | __WALL);
}

int clinux_forget_signal(int thread)
{
    struct clinux_stop stop;

    return take_stop(thread, &stop);
}

/*
 * SIGCHLD, blocked here, ends a sleep at once. It may go to another thread of this process, or be
 * ignored; then the sleep is over soon. Yielding the CPU instead does not let the other thread run on it.
 */
int clinux_wait_for_stop(int thread, int milliseconds, struct clinux_stop *stop)
{
    struct timespec pause = {0, PAUSE};
    int64_t end = clinux_monotonic_nanoseconds() + milliseconds * 1000000ll;
    sigset_t child, before;
    int result;

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    pthread_sigmask(SIG_BLOCK, &child, &before);
    while ((result = look_for_stop(thread, stop)) == 0 && clinux_monotonic_nanoseconds() < end)
        sigtimedwait(&child, NULL, &pause);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

int64_t clinux_read_memory(int process, uint64_t address, void *buffer, size_t size)
{
    struct iovec local = {buffer, size}, remote = {(void *)(uintptr_t)address, size};
    ssize_t done = process_vm_readv(process, &local, 1, &remote, 1, 0);

    return done < 0 ? -errno : done;
}

int64_t clinux_write_memory(int process, uint64_t address, const void *buffer, size_t size)
{
    /* struct iovec is older than const. */
    struct iovec local = {(void *)buffer, size}, remote = {(void *)(uintptr_t)address, size};
    ssize_t done = process_vm_writev(process, &local, 1, &remote, 1, 0);

    return done < 0 ? -errno : done;
}

int clinux_read_link(const char *path, char *buffer, size_t size)
{
    ssize_t length = readlink(path, buffer, size);

    return length < 0 ? -errno : (int)length;
}

int clinux_fault_in(uint64_t address, size_t size)
{
    enum { POPULATE_READ = 22 };

    return madvise((void *)(uintptr_t)address, size, POPULATE_READ) < 0 ? -errno : 0;
}

bool clinux_is_other_file(int process, unsigned long first, unsigned long second)
{
    /* KCMP_FILE of <linux/kcmp.h>. */
    enum { OPEN_FILE = 0 };
    long order = syscall(SYS_kcmp, process, process, OPEN_FILE, first, second);

    return order > 0 || (order < 0 && errno == ENOSYS);
}

int clinux_process_id(void)
{
    return getpid();
}

int64_t clinux_page_size(void)
{
    return sysconf(_SC_PAGESIZE);
}
