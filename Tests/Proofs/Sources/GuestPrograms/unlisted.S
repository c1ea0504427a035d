/*
 * A program for a vCPU without MMU, caches or interrupts that reads the ID registers and, if x0 is not 0, PMMIR_EL1,
 * whether or not KVM lists them, asks and calls the firmware about its mitigations (SMCCC_ARCH_WORKAROUND_1 to 3), and
 * calls services that are in bitmaps of KVM: random numbers (TRNG_VERSION), the vendor's features and the host's time.
 *
 * It writes 8 bytes each from GUEST_DATA_OFFSET on, in the order of GUEST_UNLISTED_* in GuestPrograms.h, and then tells
 * the VMM 0; or the syndrome of an exception that came.
 *
 * Written for both the GNU and the LLVM assembler.
 */
#if defined(__aarch64__)

#define RESULT_ADDRESS   0x09000000
#define DATA_OFFSET      0x20000

        .section .rodata.guest_unlisted, "a"
        .balign 4096
        .global guest_unlisted_start
        .global guest_unlisted_end
guest_unlisted_start:
        adr     x1, guest_unlisted_start
        add     x19, x1, #DATA_OFFSET
        adr     x2, unlisted_vectors
        msr     vbar_el1, x2
        isb
.irp    crm, 1, 2, 3, 4, 5, 6, 7
.irp    op2, 0, 1, 2, 3, 4, 5, 6, 7
        mrs     x2, s3_0_c0_c\crm\()_\op2
        str     x2, [x19], #8
.endr
.endr
        cbz     x0, without_pmmir
        /* PMMIR_EL1 */
        mrs     x2, s3_0_c9_c14_6
        str     x2, [x19]
without_pmmir:
        add     x19, x19, #8

        /* SMCCC_ARCH_FEATURES of workarounds 1, 2 and 3, each with the call itself behind it. */
        adr     x20, workarounds
        mov     x21, #3
next_workaround:
        ldr     w22, [x20], #4
        mov     w0, #1
        movk    w0, #0x8000, lsl #16
        mov     w1, w22
        hvc     #0
        str     x0, [x19], #8
        mov     w0, w22
        mov     x1, #0
        hvc     #0
        str     x0, [x19], #8
        sub     x21, x21, #1
        cbnz    x21, next_workaround

        adr     x20, services
        mov     x21, #3
next_service:
        ldr     w0, [x20], #4
        mov     x1, #0
        hvc     #0
        str     x0, [x19], #8
        sub     x21, x21, #1
        cbnz    x21, next_service

        mov     x0, #0
        b       unlisted_end
unlisted_taken:
        mrs     x0, esr_el1
unlisted_end:
        ldr     x1, =RESULT_ADDRESS
        str     x0, [x1]
        b       unlisted_end
        .balign 4
workarounds:
        .word   0x80008000, 0x80007fff, 0x80003fff
services:
        .word   0x84000050, 0x86000000, 0x86000001
        .ltorg

        .balign 2048
unlisted_vectors:
.irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        .balign 128
        b       unlisted_taken
.endr
        .balign 128
guest_unlisted_end:

#endif

#if defined(__linux__) && defined(__ELF__)
        .section .note.GNU-stack, "", %progbits
#endif
