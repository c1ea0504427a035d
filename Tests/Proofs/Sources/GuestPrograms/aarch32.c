/*
 * The program of exceptions.S for an AArch32 guest, as words: an assembler for arm64 does not have these
 * instructions. It is entered in Supervisor mode and first gives the banked SP and LR (and R8 of FIQ
 * mode) of every mode a value of their own, 0xMMN: the mode, then 1 for SP, 2 for LR and 3 for R8.
 *
 * The record has DFSR and IFSR in the place of ESR_EL1, DFAR and IFAR in that of FAR_EL1, LR_abt in that
 * of ELR_EL1. The program does not return through SPSR_abt: under QEMU's emulation (10.0) it does not have
 * the value a hypervisor gave it, because an exception return from AArch64 does not load the SPSR of the
 * mode it enters.
 */
#include "GuestPrograms.h"

static const uint32_t program[] = {
    [0x000 / 4] = 0xe3004000, /* movw r4, #0x0 */
    [0x004 / 4] = 0xe3444002, /* movt r4, #0x4002 */
    [0x008 / 4] = 0xe3009000, /* movw r9, #0x0 */
    [0x00c / 4] = 0xe3409900, /* movt r9, #0x900 */
    [0x010 / 4] = 0xe3000100, /* movw r0, #0x100 */
    [0x014 / 4] = 0xe3440000, /* movt r0, #0x4000 */
    [0x018 / 4] = 0xee0c0f10, /* mcr p15, 0, r0, c12, c0, #0x0 */
    [0x01c / 4] = 0xf1020011, /* cps #0x11 (FIQ) */
    [0x020 / 4] = 0xe300d111, /* movw sp, #0x111 */
    [0x024 / 4] = 0xe300e112, /* movw lr, #0x112 */
    [0x028 / 4] = 0xe3008113, /* movw r8, #0x113 */
    [0x02c / 4] = 0xf1020012, /* cps #0x12 (IRQ) */
    [0x030 / 4] = 0xe300d121, /* movw sp, #0x121 */
    [0x034 / 4] = 0xe300e122, /* movw lr, #0x122 */
    [0x038 / 4] = 0xf1020017, /* cps #0x17 (Abort) */
    [0x03c / 4] = 0xe300d171, /* movw sp, #0x171 */
    [0x040 / 4] = 0xe300e172, /* movw lr, #0x172 */
    [0x044 / 4] = 0xf102001b, /* cps #0x1b (Undefined) */
    [0x048 / 4] = 0xe300d1b1, /* movw sp, #0x1b1 */
    [0x04c / 4] = 0xe300e1b2, /* movw lr, #0x1b2 */
    [0x050 / 4] = 0xf102001f, /* cps #0x1f (System) */
    [0x054 / 4] = 0xe300d1f1, /* movw sp, #0x1f1 */
    [0x058 / 4] = 0xe300e1f2, /* movw lr, #0x1f2 */
    [0x05c / 4] = 0xf1020013, /* cps #0x13 (Supervisor) */
    [0x060 / 4] = 0xe300d131, /* movw sp, #0x131 */
    [0x064 / 4] = 0xe300e132, /* movw lr, #0x132 */
    [0x068 / 4] = 0xe3008133, /* movw r8, #0x133 */
    [0x06c / 4] = 0xe3a05000, /* mov r5, #0 */
    [0x070 / 4] = 0xf1080100, /* cpsie a */

    /* count */
    [0x074 / 4] = 0xe2855001, /* add r5, r5, #1 */
    [0x078 / 4] = 0xe5845000, /* str r5, [r4] */
    [0x07c / 4] = 0xeafffffc, /* b 0x74 */

    /* vectors */
    [0x100 / 4] = 0xea000006, /* b 0x120 */
    [0x104 / 4] = 0xea000005, /* b 0x120 */
    [0x108 / 4] = 0xea000004, /* b 0x120 */
    [0x10c / 4] = 0xea000005, /* b 0x128 */
    [0x110 / 4] = 0xea000006, /* b 0x130 */
    [0x114 / 4] = 0xea000001, /* b 0x120 */
    [0x118 / 4] = 0xea000000, /* b 0x120 */
    [0x11c / 4] = 0xeaffffff, /* b 0x120 */

    /* any other exception */
    [0x120 / 4] = 0xe3a060ff, /* mov r6, #255 */
    [0x124 / 4] = 0xea000002, /* b 0x134 */

    /* prefetch abort */
    [0x128 / 4] = 0xe3a06003, /* mov r6, #3 */
    [0x12c / 4] = 0xea000000, /* b 0x134 */

    /* data abort */
    [0x130 / 4] = 0xe3a06004, /* mov r6, #4 */

    /* taken */
    [0x134 / 4] = 0xe284ac01, /* add r10, r4, #256 */
    [0x138 / 4] = 0xe3a07000, /* mov r7, #0 */
    [0x13c / 4] = 0xe58a6000, /* str r6, [r10] */
    [0x140 / 4] = 0xe58a7004, /* str r7, [r10, #0x4] */
    [0x144 / 4] = 0xee15bf10, /* mrc p15, 0, r11, c5, c0, #0x0 */
    [0x148 / 4] = 0xee15cf30, /* mrc p15, 0, r12, c5, c0, #0x1 */
    [0x14c / 4] = 0xe58ab008, /* str r11, [r10, #0x8] */
    [0x150 / 4] = 0xe58ac00c, /* str r12, [r10, #0xc] */
    [0x154 / 4] = 0xee16bf10, /* mrc p15, 0, r11, c6, c0, #0x0 */
    [0x158 / 4] = 0xee16cf50, /* mrc p15, 0, r12, c6, c0, #0x2 */
    [0x15c / 4] = 0xe58ab010, /* str r11, [r10, #0x10] */
    [0x160 / 4] = 0xe58ac014, /* str r12, [r10, #0x14] */
    [0x164 / 4] = 0xe58ae018, /* str lr, [r10, #0x18] */
    [0x168 / 4] = 0xe58a701c, /* str r7, [r10, #0x1c] */
    [0x16c / 4] = 0xe14fb000, /* mrs r11, spsr */
    [0x170 / 4] = 0xe58ab020, /* str r11, [r10, #0x20] */
    [0x174 / 4] = 0xe58a7024, /* str r7, [r10, #0x24] */
    [0x178 / 4] = 0xe10fb000, /* mrs r11, cpsr */
    [0x17c / 4] = 0xe58ab028, /* str r11, [r10, #0x28] */
    [0x180 / 4] = 0xe58a702c, /* str r7, [r10, #0x2c] */
    [0x184 / 4] = 0xe5896000, /* str r6, [r9] */
    [0x188 / 4] = 0xf1020013, /* cps #0x13 (Supervisor) */
    [0x18c / 4] = 0xeaffffb7, /* b 0x70 */
};

const void *guest_exceptions_aarch32(size_t *size)
{
    *size = sizeof(program);
    return program;
}
