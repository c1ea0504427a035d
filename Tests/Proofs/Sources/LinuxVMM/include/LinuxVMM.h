/* A small VMM that boots Linux: a GICv3 with an ITS, a console, and a device tree that says so. It saves and restores
 * nothing of a vCPU, of the VM or of the interrupt controller: their descriptors are lent to vcpusnap. */
#ifndef LINUX_VMM_H
#define LINUX_VMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LINUX_VMM_MAX_CPUS = 8,
    LINUX_VMM_CONSOLE_INTID = 33,
};

/* What the VMM itself has of a guest that stands still. */
struct linux_console {
    uint32_t interrupt_mask;
    uint32_t typed;      /* how many bytes were typed so far */
    uint32_t unread;     /* how many of them the guest has not read */
    uint32_t line;       /* the level of the interrupt's line, which KVM was told */
};

/* The descriptors of the VM, its vCPUs, its interrupt controller and the ITS. */
struct linux_machine {
    int vm, gic, its;
    uint32_t cpus;
    int vcpus[LINUX_VMM_MAX_CPUS];
    uint32_t target;
    uint32_t features[LINUX_VMM_MAX_CPUS]; /* the bits of KVM_ARM_VCPU_INIT */
    uint8_t *memory;
    size_t memory_size;
};

/* Makes the one VM of this process, with nothing in its memory; 0, or -1 with errno. */
int linux_vmm_create(uint32_t cpus, size_t memory_size);
const struct linux_machine *linux_vmm_machine(void);

/* Loads a kernel and its first program; 0, or -1 with errno. */
int linux_vmm_load(const char *kernel, const char *program, const char *arguments);

/* Runs all vCPUs, until linux_vmm_stop: then no thread is in a call for one of them, and no access to a device is unfinished. */
int linux_vmm_start(void);
void linux_vmm_stop(void);

/* The guest has turned itself off, or KVM runs it no longer. */
bool linux_vmm_is_over(void);

/* Types the next letter of the alphabet, unless the guest has not read the last one: each is one interrupt. */
void linux_vmm_type(void);
/* What the guest has written since the last call: the number of bytes. */
size_t linux_vmm_output(char *bytes, size_t size);

/* Setting, while the guest stands still, does not touch the interrupt's line: that is a part of the interrupt controller. */
struct linux_console linux_vmm_console(void);
void linux_vmm_set_console(struct linux_console console);

#endif
