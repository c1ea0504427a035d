/* What the proof of save and restore runs in its guest, and how it interrupts it. */
#ifndef GUEST_PROGRAMS_H
#define GUEST_PROGRAMS_H

#include <stddef.h>
#include <stdint.h>

#ifndef __clang__
#define _Nullable
#define _Nonnull
#endif

/*
 * Where the program expects things, as guest physical addresses and offsets from its own start.
 * guest.S is written with the same numbers.
 */
enum {
    GUEST_LOAD_ADDRESS = 0x40000000,
    GUEST_MEMORY_SIZE = 0x200000,
    GUEST_STACK_OFFSET = 0x20000, /* grows down */
    GUEST_DATA_OFFSET = 0x20000,

    /* No memory here: a store of 8 bytes ends KVM_RUN. */
    GUEST_RESULT_ADDRESS = 0x09000000,   /* the checksum, at the end */
    GUEST_PROGRESS_ADDRESS = 0x09000008, /* now and then */
    GUEST_INPUT_ADDRESS = 0x09000010,    /* a load of 8 bytes, now and then */
};

/*
 * What x0 holds at the start. The upper half switches on the parts of the program that need more
 * than Armv8.0, or that a kernel's register list may lack.
 */
enum {
    GUEST_ITERATIONS_SHIFT = 0, /* 16 bits */
    GUEST_HAS_SVE_BIT = 32,
    GUEST_HAS_POINTER_AUTHENTICATION_BIT = 33,
    GUEST_HAS_PHYSICAL_TIMER_BIT = 34,
    GUEST_HAS_PERMISSION_INDIRECTION_BIT = 35,
    GUEST_BREAKPOINTS_SHIFT = 40, /* 4 bits, the number less one, as in ID_AA64DFR0_EL1 */
    GUEST_WATCHPOINTS_SHIFT = 44, /* likewise */
};

/*
 * What x0 holds at the start of the program that counts until an exception comes (exceptions.S), and
 * where it leaves things from GUEST_DATA_OFFSET on.
 */
enum {
    GUEST_COUNT_AT_EL1H = 0,
    GUEST_COUNT_AT_EL1T = 1, /* EL1 with SP_EL0 */
    GUEST_COUNT_AT_EL0 = 2,

    /* 8 bytes each: vector, ESR_EL1, FAR_EL1, ELR_EL1, SPSR_EL1, PSTATE. */
    GUEST_RECORD_OFFSET = 0x100,
    GUEST_RECORD_COUNT = 6,
};

/* Where the program that reads what KVM need not list (unlisted.S) leaves it, in units of 8 bytes. */
enum {
    GUEST_UNLISTED_ID_REGISTERS = 0, /* CRm 1 to 7, of each Op2 0 to 7 */
    GUEST_UNLISTED_PMMIR = 56,
    GUEST_UNLISTED_WORKAROUNDS = 57, /* 1 to 3: what the firmware says of it, and the call's answer */
    GUEST_UNLISTED_SERVICES = 63, /* what TRNG_VERSION, the vendor's list of features and PTP answer */
};

/* The programs' machine code and its size in bytes; NULL and 0 when not built for arm64. */
const void *_Nullable guest_program(size_t *_Nonnull size);
const void *_Nullable guest_exceptions(size_t *_Nonnull size);
const void *_Nullable guest_unlisted(size_t *_Nonnull size);
const void *_Nullable guest_interrupts(size_t *_Nonnull size);
const void *_Nullable guest_exceptions_aarch32(size_t *_Nonnull size);

/* Catches SIGALRM without SA_RESTART, so that the signal ends KVM_RUN with EINTR. Returns 0 or
 * -errno. */
int guest_interrupt_prepare(void);

/* From now on the signal also sets this byte, struct kvm_run's immediate_exit: a signal that comes
 * just before KVM_RUN is then not lost. NULL: it sets nothing. */
void guest_interrupt_target(volatile uint8_t *_Nullable immediate_exit);

/* Sends the signal once, after so many microseconds; 0 stops the timer. Returns 0 or -errno. */
int guest_interrupt_after(uint64_t microseconds);

#endif
