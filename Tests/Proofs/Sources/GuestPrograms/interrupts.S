/*
 * A program for each vCPU of a VM with a GICv3, without MMU or caches. It starts the virtual timer, which has expired, and
 * sends itself an SGI; in that one's handler it sends itself another. The handler tells the VMM each INTID that it takes,
 * before it ends the interrupt, and what is no interrupt as ~0.
 *
 * x0 at the start is the vCPU's number.
 *
 *   x1          the vCPU in a target list of SGIs
 *   x2 to x4    in use while an interrupt is taken
 *
 * Written for both the GNU and the LLVM assembler.
 */
#if defined(__aarch64__)

#define RESULT_ADDRESS   0x09000000
#define FIRST_SGI        6
#define SECOND_SGI       7
#define VIRTUAL_TIMER    27

#define ICC_PMR_EL1      s3_0_c4_c6_0
#define ICC_SGI1R_EL1    s3_0_c12_c11_5
#define ICC_IAR1_EL1     s3_0_c12_c12_0
#define ICC_EOIR1_EL1    s3_0_c12_c12_1
#define ICC_IGRPEN1_EL1  s3_0_c12_c12_7

        .section .rodata.guest_interrupts, "a"
        .balign 4096
        .global guest_interrupts_start
        .global guest_interrupts_end
guest_interrupts_start:
        adr     x2, interrupt_vectors
        msr     vbar_el1, x2
        mov     x2, #0xf8
        msr     ICC_PMR_EL1, x2
        mov     x2, #1
        msr     ICC_IGRPEN1_EL1, x2
        msr     cntv_cval_el0, xzr
        msr     cntv_ctl_el0, x2
        lsl     x1, x2, x0
        mov     x2, #(FIRST_SGI << 24)
        orr     x2, x2, x1
        msr     ICC_SGI1R_EL1, x2
        isb
        msr     daifclr, #2
wait_for_interrupts:
        b       wait_for_interrupts

not_an_interrupt:
        mov     x3, #-1
        b       tell
interrupt_taken:
        mrs     x3, ICC_IAR1_EL1
        cmp     x3, #FIRST_SGI
        b.ne    1f
        mov     x2, #(SECOND_SGI << 24)
        orr     x2, x2, x1
        msr     ICC_SGI1R_EL1, x2
1:      cmp     x3, #VIRTUAL_TIMER
        b.ne    tell
        msr     cntv_ctl_el0, xzr
tell:
        isb
        ldr     x4, =RESULT_ADDRESS
        str     x3, [x4]
        msr     ICC_EOIR1_EL1, x3
        eret
        .ltorg

/* The sixteen vectors; 5 is that of an IRQ at EL1 with SP_EL1. */
        .balign 2048
interrupt_vectors:
.irp    n, 0, 1, 2, 3, 4
        .balign 128
        b       not_an_interrupt
.endr
        .balign 128
        b       interrupt_taken
.irp    n, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        .balign 128
        b       not_an_interrupt
.endr
        .balign 128
guest_interrupts_end:

#endif

#if defined(__linux__) && defined(__ELF__)
        .section .note.GNU-stack, "", %progbits
#endif
