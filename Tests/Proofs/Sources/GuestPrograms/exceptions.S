/*
 * A program for a vCPU without MMU, caches or interrupts that counts in memory until an exception
 * comes, writes down what the exception brought, tells the VMM, and counts on where it was.
 *
 * x0 at the start says where it counts (see GUEST_COUNT_AT_* in GuestPrograms.h). SErrors are unmasked.
 *
 *   x19         the data area: the count at its start, the record at GUEST_RECORD_OFFSET
 *   x20         the count
 *   x21 to x23  in use while an exception is taken
 *
 * Written for both the GNU and the LLVM assembler.
 */
#if defined(__aarch64__)

#define RESULT_ADDRESS   0x09000000
#define STACK_OFFSET     0x20000
#define DATA_OFFSET      0x20000
#define RECORD_OFFSET    0x100

        .section .rodata.guest_exceptions, "a"
        .balign 4096
        .global guest_exceptions_start
        .global guest_exceptions_end
guest_exceptions_start:
        adr     x1, guest_exceptions_start
        add     x19, x1, #DATA_OFFSET
        adr     x2, vectors
        msr     vbar_el1, x2
        mov     x20, #0
        isb
        cmp     x0, #1
        b.eq    with_sp_el0
        b.hi    at_el0
        msr     daifclr, #4
        b       count
with_sp_el0:
        msr     spsel, #0
        msr     daifclr, #4
        b       count
at_el0:
        /* EL0t with D, I and F masked, and condition flags that have to survive. */
        mov     x2, #0x2c0
        movk    x2, #0x9000, lsl #16
        msr     spsr_el1, x2
        adr     x2, count
        msr     elr_el1, x2
        eret

count:
        add     x20, x20, #1
        str     x20, [x19]
        b       count

taken:
        add     x22, x19, #RECORD_OFFSET
        str     x21, [x22]
        mrs     x23, esr_el1
        str     x23, [x22, #8]
        mrs     x23, far_el1
        str     x23, [x22, #16]
        mrs     x23, elr_el1
        str     x23, [x22, #24]
        mrs     x23, spsr_el1
        str     x23, [x22, #32]
        mrs     x23, daif
        mrs     x21, CurrentEL
        orr     x23, x23, x21
        mrs     x21, spsel
        orr     x23, x23, x21
        str     x23, [x22, #40]
        ldr     x21, [x22]
        ldr     x23, =RESULT_ADDRESS
        str     x21, [x23]
        eret
        .ltorg

/* The sixteen vectors, numbered in order: 4 to 7 are those of EL1 with SP_EL1. */
        .balign 2048
vectors:
.irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        .balign 128
        mov     x21, #\n
        b       taken
.endr
        .balign 128
guest_exceptions_end:

#endif

#if defined(__linux__) && defined(__ELF__)
        .section .note.GNU-stack, "", %progbits
#endif
