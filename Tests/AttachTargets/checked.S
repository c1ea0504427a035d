/*
 * Code that notices when a register changes under it. Each function fills the registers with numbers
 * made from a seed, lets time pass, and returns how many are not what they were.
 */
    .arch armv8-a+sve

    .macro each_general do:req
    .irp n, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
    \do \n
    .endr
    .endm
    .macro each_vector do:req
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    \do \n
    .endr
    .endm
    .macro each_predicate do:req
    .irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    \do \n
    .endr
    .endm

    .macro fill_general n
    add x\n, x30, #\n
    .endm
    .macro fill_vector n
    dup v\n\().2d, x30
    add x29, x30, #(\n + 64)
    mov v\n\().d[1], x29
    .endm
    .macro fill_long n
    index z\n\().d, x30, #\n - 16
    .endm
    .macro fill_predicate n
    index z0.d, #\n, #1
    cmpgt p\n\().d, p0/z, z0.d, #8
    .endm
    .macro check_general n
    add x1, x0, #\n
    cmp x\n, x1
    cinc x2, x2, ne
    .endm
    .macro check_vector n
    umov x3, v\n\().d[0]
    cmp x3, x0
    cinc x2, x2, ne
    umov x3, v\n\().d[1]
    add x1, x0, #(\n + 64)
    cmp x3, x1
    cinc x2, x2, ne
    .endm
    .macro check_long n
    .if \n < 31
    index z31.d, x0, #\n - 16
    cmpne p0.d, p0/z, z\n\().d, z31.d
    cntp x3, p0, p0.d
    add x2, x2, x3
    ptrue p0.d
    .endif
    .endm
    .macro check_predicate n
    index z0.d, #\n, #1
    cmpgt p0.d, p0/z, z0.d, #8
    cntp x1, p0, p0.d
    cntp x3, p\n, p\n\().d
    cmp x1, x3
    cinc x2, x2, ne
    ptrue p0.d
    .endm

    .macro begin
    stp x29, x30, [sp, #-256]!
    stp x19, x20, [sp, #16]
    stp x21, x22, [sp, #32]
    stp x23, x24, [sp, #48]
    stp x25, x26, [sp, #64]
    stp x27, x28, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    str x18, [sp, #160]
    .endm
    .macro end
    mov x0, x2
    ldr x18, [sp, #160]
    ldp x19, x20, [sp, #16]
    ldp x21, x22, [sp, #32]
    ldp x23, x24, [sp, #48]
    ldp x25, x26, [sp, #64]
    ldp x27, x28, [sp, #80]
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    ldp x29, x30, [sp], #256
    ret
    .endm

    /* The seed lies at [sp, #168] and [sp, #184], canaries of the stack. */
    .macro fill_all
    str x4, [sp, #168]
    str x4, [sp, #184]
    mov x30, x4
    each_vector fill_vector
    each_general fill_general
    .endm
    .macro check_general_all
    mov x2, #0
    ldr x0, [sp, #168]
    ldr x1, [sp, #184]
    cmp x0, x1
    cinc x2, x2, ne
    each_general check_general
    .endm

    /* uint64_t checked_call(fd, request, argument, long *result, seed): ioctl(2) */
    .global checked_call
checked_call:
    begin
    str x3, [sp, #176]
    fill_all
    mov x8, #29
    svc #0
    str x0, [sp, #192]
    check_general_all
    each_vector check_vector
    ldr x1, [sp, #192]
    ldr x3, [sp, #176]
    str x1, [x3]
    end

    /* uint64_t checked_spin(rounds, 0, 0, 0, seed) */
    .global checked_spin
checked_spin:
    begin
    fill_all
1:  subs x0, x0, #1
    b.ne 1b
    check_general_all
    each_vector check_vector
    end

    /* uint64_t checked_long_spin(rounds, 0, 0, 0, seed): with the registers of SVE */
    .global checked_long_spin
checked_long_spin:
    begin
    fill_all
    ptrue p0.d
    each_predicate fill_predicate
    sub x30, x30, #30
    each_vector fill_long
    add x30, x30, #30
1:  subs x0, x0, #1
    b.ne 1b
    check_general_all
    ptrue p0.d
    each_vector check_long
    each_predicate check_predicate
    end
    .section .note.GNU-stack, "", %progbits
