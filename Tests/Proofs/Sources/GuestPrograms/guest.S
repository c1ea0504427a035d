/*
 * A program for a vCPU without MMU, caches or interrupts that keeps nearly everything a vCPU has
 * in use: it writes pseudo-random values to general, FP/SIMD, SVE and system registers and to
 * memory, reads each of them back an iteration later, and folds what it reads into a checksum. A
 * register that is lost or changed at any moment changes the checksum.
 *
 * Nothing depends on time. With the MMU off all of memory is Device memory: accesses are aligned
 * and there are no exclusives.
 *
 *   x0 to x24   values mixed with each other in every iteration
 *   x25         state of the random numbers (xorshift64)
 *   x26, x27    in use between two instructions only
 *   x28         the checksum
 *   x29         iterations left (bits 15:0) and what the program may use; see GuestPrograms.h
 *   x30         the data area
 *
 * Written for both the GNU and the LLVM assembler.
 */
#if defined(__aarch64__)

        .arch   armv8.3-a+sve

#define RESULT_ADDRESS   0x09000000
#define STACK_OFFSET     0x20000
#define DATA_OFFSET      0x20000
#define ITERATIONS_MASK  0xffff

/* The data area: a table of 256 blocks of 256 bytes, then room for predicates. */
#define PREDICATES_OFFSET 0x10000

/* Registers newer than the assembler's architecture. */
#define TCR2_EL1  S3_0_C2_C0_3
#define PIRE0_EL1 S3_0_C10_C2_2
#define PIR_EL1   S3_0_C10_C2_3

        .section .rodata.guest_program, "a"
        .balign 4096
        .global guest_program_start
        .global guest_program_end
guest_program_start:

/* The next random number, which also depends on everything folded so far. */
.macro next to
        eor     x25, x25, x25, lsl #13
        eor     x25, x25, x25, lsr #7
        eor     x25, x25, x25, lsl #17
        add     \to, x25, x28
.endm

/* Takes a register into the checksum. */
.macro fold from
        eor     x28, x28, \from
        ror     x28, x28, #23
        add     x28, x28, x25
.endm

/* Gives a system register a random value, limited to bits it certainly keeps. */
.macro randomize register, mask, fixed=0
        next    x27
        ldr     x26, =\mask
        and     x27, x27, x26
.if \fixed
        ldr     x26, =\fixed
        orr     x27, x27, x26
.endif
        msr     \register, x27
.endm

/* Checks the value from the last iteration, then gives a new one. */
.macro renew register, mask, fixed=0
        mrs     x26, \register
        fold    x26
        randomize \register, \mask, \fixed
.endm

/* System registers of Armv8.0 without effect while the MMU is off and nothing is enabled. */
.macro for_system_registers do
        \do     tpidr_el0, 0xffffffffffffffff
        \do     tpidrro_el0, 0xffffffffffffffff
        \do     tpidr_el1, 0xffffffffffffffff
        \do     sp_el0, 0xffffffffffffffff
        \do     elr_el1, 0xffffffffffffffff
        \do     far_el1, 0xffffffffffffffff
        \do     cntv_cval_el0, 0xffffffffffffffff
        \do     mair_el1, 0xffffffffffffffff
        \do     amair_el1, 0xffffffffffffffff
        \do     afsr0_el1, 0xffffffff
        \do     afsr1_el1, 0xffffffff
        \do     esr_el1, 0xffffffff
        \do     contextidr_el1, 0xffffffff
        \do     spsr_el1, 0xf00003cf
        \do     vbar_el1, 0x0000fffffffff800
        \do     ttbr0_el1, 0xffff000ffffff000
        \do     ttbr1_el1, 0xffff000ffffff000
        \do     par_el1, 0x0000000ffffff000
        \do     tcr_el1, 0x000000703f403f00, 0x80100010
        \do     csselr_el1, 0x1
        \do     cntkctl_el1, 0x303
        \do     mdscr_el1, 0x1000
        \do     mdccint_el1, 0x60000000
        \do     fpsr, 0x0800009f
        \do     fpcr, 0x07c00000
        \do     nzcv, 0xf0000000
        \do     daif, 0x3c0
.endm

.macro for_key_registers do
        \do     apiakeylo_el1, 0xffffffffffffffff
        \do     apiakeyhi_el1, 0xffffffffffffffff
        \do     apibkeylo_el1, 0xffffffffffffffff
        \do     apibkeyhi_el1, 0xffffffffffffffff
        \do     apdakeylo_el1, 0xffffffffffffffff
        \do     apdakeyhi_el1, 0xffffffffffffffff
        \do     apdbkeylo_el1, 0xffffffffffffffff
        \do     apdbkeyhi_el1, 0xffffffffffffffff
        \do     apgakeylo_el1, 0xffffffffffffffff
        \do     apgakeyhi_el1, 0xffffffffffffffff
.endm

.macro for_permission_registers do
        \do     PIR_EL1, 0xffffffffffffffff
        \do     PIRE0_EL1, 0xffffffffffffffff
        \do     TCR2_EL1, 0x2
.endm

/* Breakpoints and watchpoints that stay disabled; the CPU has at least 2 of each and at most 16. */
.macro for_debug_pair do, n, value, control, shift
        ubfx    x26, x29, #\shift, #4
        cmp     x26, #\n
        b.lo    9f
        \do     \value\n\()_el1, 0x00007ffffffffffc
        \do     \control\n\()_el1, 0x1e6
.endm

.macro for_debug_registers do
.irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        for_debug_pair \do, \n, dbgbvr, dbgbcr, 40
.endr
9:
.irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        for_debug_pair \do, \n, dbgwvr, dbgwcr, 44
.endr
9:
.endm

/* ------------------------------------------------------------------------------------------- */

        mov     x29, x0
        adr     x30, guest_program_start
        mov     x26, #STACK_OFFSET
        add     x26, x30, x26
        mov     sp, x26
        mov     x26, #DATA_OFFSET
        add     x30, x30, x26

        /* FP, SIMD and SVE usable at EL1; the four address keys in use. */
        mov     x26, #0x330000
        msr     cpacr_el1, x26
        isb
        tbz     x29, #32, 1f
        mov     x26, #0xf
        msr     zcr_el1, x26
1:      tbz     x29, #33, 1f
        mrs     x26, sctlr_el1
        ldr     x27, =0xc8002000
        orr     x26, x26, x27
        msr     sctlr_el1, x26
1:      isb

        ldr     x25, =0x9e3779b97f4a7c15
        mov     x28, xzr
.irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24
        next    x\n
.endr
.irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, \
        25, 26, 27, 28, 29, 30, 31
        next    x26
        dup     v\n\().2d, x26
.endr
        for_system_registers randomize
        for_debug_registers randomize
        msr     cntv_ctl_el0, xzr
        tbz     x29, #32, 1f
        str     x30, [sp, #-16]!
        bl      renew_sve
        ldr     x30, [sp], #16
1:      tbz     x29, #33, 1f
        for_key_registers randomize
1:      tbz     x29, #34, 1f
        msr     cntp_ctl_el0, xzr
        randomize cntp_cval_el0, 0xffffffffffffffff
1:      tbz     x29, #35, 1f
        for_permission_registers randomize
1:      b       iteration
        .ltorg

/* ------------------------------------------------------------------------------------------- */

        .balign 16
iteration:
        str     x30, [sp, #-16]!

        /* General registers: each depends on two others and on the checksum. */
.macro  mix a, b, c
        add     x\a, x\a, x\b, lsl #3
        eor     x\a, x\a, x\c, ror #19
        add     x\a, x\a, x28
        fold    x\a
.endm
        mix     0, 1, 7
        mix     1, 2, 8
        mix     2, 3, 9
        mix     3, 4, 10
        mix     4, 5, 11
        mix     5, 6, 12
        mix     6, 7, 13
        mix     7, 8, 14
        mix     8, 9, 15
        mix     9, 10, 16
        mix     10, 11, 17
        mix     11, 12, 18
        mix     12, 13, 19
        mix     13, 14, 20
        mix     14, 15, 21
        mix     15, 16, 22
        mix     16, 17, 23
        mix     17, 18, 24
        mix     18, 19, 0
        mix     19, 20, 1
        mix     20, 21, 2
        mix     21, 22, 3
        mix     22, 23, 4
        mix     23, 24, 5
        mix     24, 0, 6

        /* Memory: one block written, another read. */
        and     x26, x29, #0xff
        add     x26, x30, x26, lsl #8
        stp     x0, x1, [x26]
        stp     x2, x3, [x26, #16]
        stp     x4, x5, [x26, #32]
        stp     q0, q31, [x26, #64]
        strb    w6, [x26, #101]
        strh    w7, [x26, #110]
        str     w8, [x26, #124]
        next    x26
        and     x26, x26, #0xff
        add     x26, x30, x26, lsl #8
        ldp     x26, x27, [x26, #96]
        fold    x26
        fold    x27

        /* SVE before FP/SIMD: an FP/SIMD write clears the rest of its Z register. */
        tbz     x29, #32, 1f
        bl      fold_sve
1:
        /* FP/SIMD: integers, which keep every bit, then arithmetic that obeys FPCR. */
.macro  mix_vector a, b, c
        add     v\a\().2d, v\a\().2d, v\b\().2d
        eor     v\a\().16b, v\a\().16b, v\c\().16b
        umov    x26, v\a\().d[0]
        umov    x27, v\a\().d[1]
        fold    x26
        fold    x27
        ins     v\a\().d[1], x28
.endm
        mix_vector 0, 1, 13
        mix_vector 1, 2, 14
        mix_vector 2, 3, 15
        mix_vector 3, 4, 16
        mix_vector 4, 5, 17
        mix_vector 5, 6, 18
        mix_vector 6, 7, 19
        mix_vector 7, 8, 20
        mix_vector 8, 9, 21
        mix_vector 9, 10, 22
        mix_vector 10, 11, 23
        mix_vector 11, 12, 24
        mix_vector 12, 13, 25
        mix_vector 13, 14, 26
        mix_vector 14, 15, 27
        mix_vector 15, 16, 28
        mix_vector 16, 17, 29
        mix_vector 17, 18, 30
        mix_vector 18, 19, 31
        mix_vector 19, 20, 0
        mix_vector 20, 21, 1
        mix_vector 21, 22, 2
        mix_vector 22, 23, 3
        mix_vector 23, 24, 4
        mix_vector 24, 25, 5
        mix_vector 25, 26, 6
        mix_vector 26, 27, 7
        mix_vector 27, 28, 8
        mix_vector 28, 29, 9
        mix_vector 29, 30, 10
        mix_vector 30, 31, 11
        mix_vector 31, 0, 12
        ucvtf   d0, x25
        ucvtf   d1, x24
        fdiv    d2, d0, d1
        fsqrt   d3, d2
        fcvt    s4, d3
        fcvtzs  x26, d2
        fmov    x27, d3
        fold    x26
        fold    x27
        fmov    w26, s4
        fold    x26
        sqadd   v5.4s, v6.4s, v7.4s

        for_system_registers renew
        for_debug_registers renew
        mrs     x26, cpacr_el1
        fold    x26
        mrs     x26, sctlr_el1
        fold    x26
        mrs     x26, cntv_ctl_el0
        and     x26, x26, #2
        fold    x26
        next    x26
        and     x26, x26, #2
        msr     cntv_ctl_el0, x26
        b       2f
        .ltorg
2:
        tbz     x29, #33, 1f
        for_key_registers renew
        isb
        pacga   x26, x0, x1
        fold    x26
        mov     x26, x2
        pacia   x26, x3
        fold    x26
        mov     x26, x4
        pacib   x26, x5
        fold    x26
        mov     x26, x6
        pacda   x26, x7
        fold    x26
        mov     x26, x8
        pacdb   x26, x9
        fold    x26
1:      tbz     x29, #34, 1f
        renew   cntp_cval_el0, 0xffffffffffffffff
1:      tbz     x29, #35, 1f
        for_permission_registers renew
1:      tbz     x29, #32, 1f
        bl      renew_sve
1:
        ldr     x30, [sp], #16

        /* Now and then something only the VMM can do. */
        and     x26, x29, #0x1f
        cbnz    x26, 1f
        ldr     x26, =RESULT_ADDRESS
        str     x28, [x26, #8]
        ldr     x27, [x26, #16]
        fold    x27
1:
        sub     x29, x29, #1
        and     x26, x29, #ITERATIONS_MASK
        cbnz    x26, iteration

        ldr     x26, =RESULT_ADDRESS
        str     x28, [x26]
        b       .
        .ltorg

/* ------------------------------------------------------------------------------------------- */

/* Takes all of P0 to P15, FFR and Z0 to Z31 into the checksum; uses x26, x27, x30. */
fold_sve:
        stp     x30, x24, [sp, #-16]!
        ldr     x30, [sp, #16]
        mov     x26, #PREDICATES_OFFSET
        add     x24, x30, x26
.macro  fold_predicate n
        str     p\n, [x24]
        ldp     x26, x27, [x24], #16
        fold    x26
        fold    x27
        ldp     x26, x27, [x24], #16
        fold    x26
        fold    x27
.endm
.irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        fold_predicate \n
.endr
        rdffr   p0.b
        fold_predicate 0

        /* Lanes are told apart by their odd multipliers, registers by the order of operations. */
        ptrue   p0.d
.macro  fold_vector a, b
        add     z\a\().d, z\a\().d, z\b\().d
        str     z\a, [x24]
        ldp     x26, x27, [x24]
        fold    x26
        fold    x27
.endm
        fold_vector 1, 0
        fold_vector 2, 1
        fold_vector 3, 2
        fold_vector 4, 3
        fold_vector 5, 4
        fold_vector 6, 5
        fold_vector 7, 6
        fold_vector 8, 7
        fold_vector 9, 8
        fold_vector 10, 9
        fold_vector 11, 10
        fold_vector 12, 11
        fold_vector 13, 12
        fold_vector 14, 13
        fold_vector 15, 14
        fold_vector 16, 15
        fold_vector 17, 16
        fold_vector 18, 17
        fold_vector 19, 18
        fold_vector 20, 19
        fold_vector 21, 20
        fold_vector 22, 21
        fold_vector 23, 22
        fold_vector 24, 23
        fold_vector 25, 24
        fold_vector 26, 25
        fold_vector 27, 26
        fold_vector 28, 27
        fold_vector 29, 28
        fold_vector 30, 29
        fold_vector 31, 30
        index   z0.d, #1, #2
        mul     z31.d, p0/m, z31.d, z0.d
        uaddv   d0, p0, z31.d
        fmov    x26, d0
        fold    x26
        ldp     x30, x24, [sp], #16
        ret

/* Fills all of P0 to P15, FFR and Z0 to Z31; uses x26 and the flags. */
renew_sve:
.macro  renew_vector n, a, b
        index   z\n\().d, x\a, x\b
.endm
        renew_vector 0, 0, 1
        renew_vector 1, 1, 2
        renew_vector 2, 2, 3
        renew_vector 3, 3, 4
        renew_vector 4, 4, 5
        renew_vector 5, 5, 6
        renew_vector 6, 6, 7
        renew_vector 7, 7, 8
        renew_vector 8, 8, 9
        renew_vector 9, 9, 10
        renew_vector 10, 10, 11
        renew_vector 11, 11, 12
        renew_vector 12, 12, 13
        renew_vector 13, 13, 14
        renew_vector 14, 14, 15
        renew_vector 15, 15, 16
        renew_vector 16, 16, 17
        renew_vector 17, 17, 18
        renew_vector 18, 18, 19
        renew_vector 19, 19, 20
        renew_vector 20, 20, 21
        renew_vector 21, 21, 22
        renew_vector 22, 22, 23
        renew_vector 23, 23, 24
        renew_vector 24, 24, 0
        renew_vector 25, 0, 24
        renew_vector 26, 1, 23
        renew_vector 27, 2, 22
        renew_vector 28, 3, 21
        renew_vector 29, 4, 20
        renew_vector 30, 5, 19
        renew_vector 31, 6, 18

        /* FFR holds only patterns of the first n elements, which is what WHILELO makes. */
.irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        ubfx    x26, x\n, #7, #8
        whilelo p\n\().b, xzr, x26
.endr
        wrffr   p9.b
.macro  renew_predicate a, b
        trn2    p\a\().b, p\a\().b, p\b\().b
.endm
        renew_predicate 0, 1
        renew_predicate 1, 2
        renew_predicate 2, 3
        renew_predicate 3, 4
        renew_predicate 4, 5
        renew_predicate 5, 6
        renew_predicate 6, 7
        renew_predicate 7, 8
        ret
        .ltorg

guest_program_end:

#endif

#if defined(__linux__) && defined(__ELF__)
        .section .note.GNU-stack, "", %progbits
#endif
