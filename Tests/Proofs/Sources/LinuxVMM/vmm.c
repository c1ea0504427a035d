#include "OwnVMM.h"
#include "parts.h"

#include <errno.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

struct linux_machine machine;

static struct kvm_run *runs[LINUX_VMM_MAX_CPUS];
static pthread_t threads[LINUX_VMM_MAX_CPUS];
static atomic_bool is_stopping, is_over;

static int set_attribute(int device, uint32_t group, uint64_t number, const void *value)
{
    struct kvm_device_attr attribute = {.group = group, .attr = number, .addr = (uint64_t)value};

    return ioctl(device, KVM_SET_DEVICE_ATTR, &attribute);
}

static int create_device(uint32_t type)
{
    struct kvm_create_device device = {.type = type};

    return ioctl(machine.vm, KVM_CREATE_DEVICE, &device) < 0 ? -1 : (int)device.fd;
}

static int create_controller(void)
{
    const uint64_t distributor = DISTRIBUTOR, translator = TRANSLATOR;
    const uint64_t redistributors = REDISTRIBUTORS | (uint64_t)machine.cpus << 52;
    const uint32_t interrupts = 64;

    machine.gic = create_device(KVM_DEV_TYPE_ARM_VGIC_V3);
    machine.its = create_device(KVM_DEV_TYPE_ARM_VGIC_ITS);
    if (machine.gic < 0 || machine.its < 0)
        return -1;
    return set_attribute(machine.gic, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, &distributor) |
           set_attribute(machine.gic, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, &redistributors) |
           set_attribute(machine.gic, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &interrupts) |
           set_attribute(machine.its, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_ITS_ADDR_TYPE, &translator) |
           set_attribute(machine.gic, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL) |
           set_attribute(machine.its, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
}

/* What an ordinary guest has, and pointer authentication where the host has it. */
static uint32_t features(void)
{
    uint32_t bits = own_vmm_features(machine.vm);

    if (ioctl(machine.vm, KVM_CHECK_EXTENSION, KVM_CAP_ARM_PTRAUTH_ADDRESS) > 0)
        bits |= 1u << KVM_ARM_VCPU_PTRAUTH_ADDRESS | 1u << KVM_ARM_VCPU_PTRAUTH_GENERIC;
    return bits;
}

static int create_vcpu(uint32_t number)
{
    int vcpu = machine.vcpus[number] = own_vmm_create_vcpu(machine.vm, number);

    machine.features[number] = features() | (number > 0 ? 1u << KVM_ARM_VCPU_POWER_OFF : 0);
    if (vcpu < 0 || own_vmm_initialize(vcpu, machine.target, machine.features[number]) < 0)
        return -1;
    runs[number] = own_vmm_map_run(vcpu);
    return runs[number] ? 0 : -1;
}

static int create_memory(void)
{
    machine.memory = mmap(NULL, machine.memory_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (machine.memory == MAP_FAILED)
        return -1;
    return own_vmm_map_memory(machine.vm, MEMORY, machine.memory, machine.memory_size);
}

int linux_vmm_create(uint32_t cpus, size_t memory_size)
{
    machine.cpus = cpus;
    machine.memory_size = memory_size;
    machine.vm = own_vmm_create_vm();
    if (machine.vm < 0 || create_memory() < 0)
        return -1;
    machine.target = own_vmm_target(machine.vm);
    for (uint32_t i = 0; i < cpus; i++)
        if (create_vcpu(i) < 0)
            return -1;
    return create_controller();
}

const struct linux_machine *linux_vmm_machine(void) { return &machine; }

static void access_device(struct kvm_run *run)
{
    uint32_t *value = (uint32_t *)run->mmio.data;
    uint64_t offset = run->mmio.phys_addr - CONSOLE;

    if (run->mmio.is_write)
        console_write(offset, run->mmio.len == 1 ? run->mmio.data[0] : run->mmio.len == 2 ? *value & 0xffff : *value);
    else
        *value = console_read(offset);
}

/* Runs until it is to stop, with no access to a device unfinished: the call that immediate_exit ends finishes that of the
 * call before. */
static void *run_vcpu(void *argument)
{
    uint32_t number = (uintptr_t)argument;
    struct kvm_run *run = runs[number];

    for (;;) {
        if (ioctl(machine.vcpus[number], KVM_RUN, 0) < 0) {
            if (errno == EINTR && is_stopping)
                return NULL;
            if (errno == EINTR || errno == EAGAIN)
                continue;
            perror("KVM_RUN");
        } else if (run->exit_reason == KVM_EXIT_MMIO) {
            access_device(run);
            continue;
        } else if (run->exit_reason != KVM_EXIT_SYSTEM_EVENT) {
            fprintf(stderr, "vCPU %u left with %u\n", number, run->exit_reason);
        }
        is_over = true;
        return NULL;
    }
}

static void interrupted(int signal) { (void)signal; }

int linux_vmm_start(void)
{
    struct sigaction action = {.sa_handler = interrupted};

    sigaction(SIGUSR1, &action, NULL);
    is_stopping = false;
    for (uint32_t i = 0; i < machine.cpus; i++) {
        runs[i]->immediate_exit = 0;
        if (pthread_create(&threads[i], NULL, run_vcpu, (void *)(uintptr_t)i) != 0)
            return -1;
    }
    return 0;
}

void linux_vmm_stop(void)
{
    is_stopping = true;
    for (uint32_t i = 0; i < machine.cpus; i++) {
        runs[i]->immediate_exit = 1;
        pthread_kill(threads[i], SIGUSR1);
    }
    for (uint32_t i = 0; i < machine.cpus; i++)
        pthread_join(threads[i], NULL);
}

bool linux_vmm_is_over(void) { return is_over; }
