/* Other processes: ptrace(2), their memory, and what /proc says of them. */
#ifndef CLINUX_ATTACH_H
#define CLINUX_ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* struct user_pt_regs of arm64 (arch/arm64/include/uapi/asm/ptrace.h), what NT_PRSTATUS holds. */
struct clinux_arm64_registers {
    uint64_t x[31];
    uint64_t sp;
    uint64_t pc;
    uint64_t pstate;
};

enum {
    CLINUX_NT_PRSTATUS = 1,
    CLINUX_NT_PRFPREG = 2,
    CLINUX_NT_ARM_SYSTEM_CALL = 0x404,
    CLINUX_NT_ARM_SVE = 0x405,
    CLINUX_NT_ARM_SSVE = 0x40b,
    CLINUX_NT_ARM_GCS = 0x410,
};

/* Where things are in a signal frame of arm64, in bytes, and what its records begin with. */
enum {
    CLINUX_FRAME_STACK_FLAGS = 152,
    CLINUX_FRAME_SIGNAL_MASK = 168,
    CLINUX_FRAME_REGISTERS = 312,
    CLINUX_FRAME_RECORDS = 592,
    CLINUX_FPSIMD_MAGIC = 0x46508001,
    CLINUX_FPSIMD_SIZE = 528,
    CLINUX_SVE_MAGIC = 0x53564501,
};

/* How waiting for a thread ended; signal, event and code have a meaning as the kind says. */
enum clinux_stop_kind {
    CLINUX_STOP_SIGNAL = 1, /* signal-delivery-stop of `signal` */
    CLINUX_STOP_EVENT,      /* PTRACE_EVENT_STOP or another `event`; `signal` of a group-stop */
    CLINUX_STOP_SYSCALL,    /* entry into or return from a system call */
    CLINUX_STOP_EXITED,     /* it is gone, with exit status `signal` */
    CLINUX_STOP_KILLED,     /* it is gone, by `signal` */
};

struct clinux_stop {
    int kind;
    int signal;
    int event;
};

/* PTRACE_SEIZE with PTRACE_O_TRACESYSGOOD; never PTRACE_O_EXITKILL. Does not stop the thread. */
int clinux_ptrace_seize(int thread);

/* PTRACE_INTERRUPT. */
int clinux_ptrace_interrupt(int thread);

/* PTRACE_CONT, delivering a signal unless it is 0. */
int clinux_ptrace_continue(int thread, int signal);

/* PTRACE_SYSCALL, delivering a signal unless it is 0. */
int clinux_ptrace_to_system_call(int thread, int signal);

/* PTRACE_DETACH, delivering a signal unless it is 0. */
int clinux_ptrace_detach(int thread, int signal);

/* PTRACE_GETREGSET: returns how many bytes the kernel has written. */
int64_t clinux_ptrace_get_set(int thread, int type, void *_Nonnull buffer, size_t size);

/* PTRACE_SETREGSET. */
int clinux_ptrace_set_set(int thread, int type, const void *_Nonnull buffer, size_t size);

/* PTRACE_GETSIGMASK and PTRACE_SETSIGMASK, of signals 1 (bit 0) to 64. */
int clinux_ptrace_get_mask(int thread, uint64_t *_Nonnull mask);
int clinux_ptrace_set_mask(int thread, uint64_t mask);

/*
 * PTRACE_SECCOMP_GET_FILTER: the instructions of the filter that was installed as the last but `index`, each
 * eight bytes (struct sock_filter), of which there are at most 4096. Returns how many.
 */
int clinux_ptrace_get_filter(int thread, uint64_t index, uint64_t *_Nonnull instructions);

/*
 * PTRACE_GET_RSEQ_CONFIGURATION, since 5.13: where the thread has its struct rseq; 0 when it has none, or the
 * kernel does not say.
 */
uint64_t clinux_ptrace_get_rseq(int thread);

/* PTRACE_GETSIGINFO: the siginfo_t of the signal that the thread has stopped for. */
enum { CLINUX_SIGNAL_WORDS = 16 };
int clinux_ptrace_get_signal(int thread, uint64_t *_Nonnull information);

/*
 * Blocks the signals by which a terminal stops this program (SIGTSTP, SIGTTIN, SIGTTOU) in this thread. Returns those that
 * were not blocked before (bit n: signal n + 1), for the other, which unblocks them.
 */
uint64_t clinux_block_suspension(void);
void clinux_unblock_suspension(uint64_t signals);

/* tgkill(2). */
int clinux_signal_thread(int process, int thread, int signal);

/* PTRACE_POKEDATA: writes through any protection, and makes the word visible to execution. */
int clinux_ptrace_poke(int thread, uint64_t address, uint64_t word);

/*
 * waitid(2) with __WALL for one traced thread, until it stops or is gone; 0 when the time is up.
 * A wait that blocks has no time limit, so this one looks again and again. A thread that has stopped for a signal gets it
 * should this program end.
 */
int clinux_wait_for_stop(int thread, int milliseconds, struct clinux_stop *_Nonnull stop);

/* Has the kernel forget a traced thread that has ended. */
void clinux_take_end(int thread);

/* Has a thread that has stopped for a signal not get it should this program end. */
int clinux_forget_signal(int thread);

/* process_vm_readv(2) and process_vm_writev(2) of one range; may do less than asked. */
int64_t clinux_read_memory(int process, uint64_t address, void *_Nonnull buffer, size_t size);
int64_t clinux_write_memory(int process, uint64_t address, const void *_Nonnull buffer,
                            size_t size);

/* readlink(2): the length of the target, which is cut off at `size`. */
int clinux_read_link(const char *_Nonnull path, char *_Nonnull buffer, size_t size);

/*
 * kcmp(2): whether two descriptors of a process are of two open files, or the kernel cannot tell at all. False
 * for a process that this one may not look into.
 */
bool clinux_is_other_file(int process, unsigned long first, unsigned long second);

/* madvise(2) with MADV_POPULATE_READ, since 5.14: maps the pages of a range of this process. */
int clinux_fault_in(uint64_t address, size_t size);

/* getpid(2). */
int clinux_process_id(void);

/* sysconf(3) with _SC_PAGESIZE. */
int64_t clinux_page_size(void);

/*
 * Machine code of arm64 that makes many ioctls: instruction words, of which there are *count. What it
 * takes is described where it is. An entry of its table is
 *   { uint32_t fd, unused; uint64_t request, argument; int64_t result;
 *     uint64_t values, results, values_end; uint64_t unused, scratch[2]; }
 * Where `values` is not 0 the request is KVM_GET_REG_LIST, and each register of the list is read too: its
 * value to `values`, as long as that is below `values_end`, in whole words of eight bytes one behind the
 * other, and what KVM_GET_ONE_REG returned to `results`.
 */
const uint32_t *_Nonnull clinux_attach_routine(size_t *_Nonnull count);

enum { CLINUX_ATTACH_ENTRY_SIZE = 80 };

#endif
