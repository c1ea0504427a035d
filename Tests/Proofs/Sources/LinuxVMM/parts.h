/* What the parts of the VMM have in common. */
#ifndef LINUX_VMM_PARTS_H
#define LINUX_VMM_PARTS_H

#include "LinuxVMM.h"

/* Guest-physical addresses. */
#define DISTRIBUTOR 0x08000000ull
#define TRANSLATOR 0x08080000ull
#define REDISTRIBUTORS 0x080a0000ull
#define CONSOLE 0x09000000ull
#define MEMORY 0x40000000ull

enum {
    DISTRIBUTOR_SIZE = 0x10000,
    TRANSLATOR_SIZE = 0x20000,
    REDISTRIBUTOR_SIZE = 0x20000,
    CONSOLE_SIZE = 0x1000,
    CONSOLE_SPI = LINUX_VMM_CONSOLE_INTID - 32,
};

extern struct linux_machine machine;

/* Writes a device tree; the number of bytes. */
size_t device_tree(uint8_t *bytes, const char *arguments, uint64_t initrd, size_t initrd_size);

/* An access of the guest to the console. */
uint32_t console_read(uint64_t offset);
void console_write(uint64_t offset, uint32_t value);

#endif
