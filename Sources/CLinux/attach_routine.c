#include "CLinuxAttach.h"

/*
 * Position-independent and without a stack: it runs in a thread of another process, between signal
 * frames that put all registers back. It neither calls nor touches anything but what its table names.
 *
 *   x19   the first entry, of CLINUX_ATTACH_ENTRY_SIZE bytes (CLinuxAttach.h)
 *   x20   the end of the entries
 *   x30   where it returns to
 */
static const uint32_t routine[] = {
    /* next: */
    0xeb14027f, /* cmp  x19, x20                */
    0x54000442, /* b.hs done                    */
    0xb9400260, /* ldr  w0, [x19]               */
    0xf9400661, /* ldr  x1, [x19, #8]           */
    0xf9400a62, /* ldr  x2, [x19, #16]          */
    0xd28003a8, /* mov  x8, #29                 ioctl */
    0xd4000001, /* svc  #0                      */
    0xf9000e60, /* str  x0, [x19, #24]          */
    0xa9425a75, /* ldp  x21, x22, [x19, #32]    next value, next result */
    0xf9401a77, /* ldr  x23, [x19, #48]         */
    0x91014273, /* add  x19, x19, #80           */
    0xb4fffeb5, /* cbz  x21, next               */
    0xb5fffe80, /* cbnz x0, next                */
    0xb85b0278, /* ldur w24, [x19, #-80]        */
    0xf85c0279, /* ldur x25, [x19, #-64]        next id */
    0xf840873a, /* ldr  x26, [x25], #8          how many there are */
    /* each: */
    0xb4fffe1a, /* cbz  x26, next               */
    0xeb1702bf, /* cmp  x21, x23                */
    0x54fffdc2, /* b.hs next                    */
    0xd100075a, /* sub  x26, x26, #1            */
    0xf840873b, /* ldr  x27, [x25], #8          */
    0xa93f567b, /* stp  x27, x21, [x19, #-16]   struct kvm_one_reg */
    0x2a1803e0, /* mov  w0, w24                 */
    0x5295d561, /* mov  w1, #0xaeab             */
    0x72a80201, /* movk w1, #0x4010, lsl #16    KVM_GET_ONE_REG */
    0xd1004262, /* sub  x2, x19, #16            */
    0xd4000001, /* svc  #0                      */
    0xf80086c0, /* str  x0, [x22], #8           */
    0xd374df63, /* ubfx x3, x27, #52, #4        KVM_REG_SIZE_MASK: log2 of the size in bytes */
    0xd2800024, /* mov  x4, #1                  */
    0x9ac32084, /* lsl  x4, x4, x3              */
    0x91001c84, /* add  x4, x4, #7              */
    0x927df084, /* and  x4, x4, #~7             */
    0x8b0402b5, /* add  x21, x21, x4            */
    0x17ffffee, /* b    each                    */
    /* done: */
    0xd65f03c0, /* ret                          */
};

const uint32_t *clinux_attach_routine(size_t *count)
{
    *count = sizeof(routine) / sizeof(routine[0]);
    return routine;
}
