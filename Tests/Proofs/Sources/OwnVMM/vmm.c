#include "OwnVMM.h"

#if defined(__aarch64__)

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

int own_vmm_create_vm(void)
{
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

    return kvm < 0 ? -1 : ioctl(kvm, KVM_CREATE_VM, 0);
}

int own_vmm_create_vcpu(int vm, int index)
{
    return ioctl(vm, KVM_CREATE_VCPU, index);
}

int own_vmm_map_memory(int vm, uint64_t address, void *memory, size_t size)
{
    struct kvm_userspace_memory_region region = {
        .guest_phys_addr = address, .memory_size = size, .userspace_addr = (uintptr_t)memory};

    return ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region);
}

struct kvm_run *own_vmm_map_run(int vcpu)
{
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    void *run = mmap(NULL, ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);

    close(kvm);
    return run == MAP_FAILED ? NULL : run;
}

uint8_t *own_vmm_immediate_exit(struct kvm_run *run) { return &run->immediate_exit; }

int own_vmm_run_to_store(int vcpu, struct kvm_run *run, uint64_t address, uint64_t *value)
{
    if (ioctl(vcpu, KVM_RUN, 0) < 0)
        return -errno;
    if (run->exit_reason != KVM_EXIT_MMIO || !run->mmio.is_write || run->mmio.phys_addr != address)
        return -EBADMSG;
    memcpy(value, run->mmio.data, sizeof *value);
    run->immediate_exit = 1;
    ioctl(vcpu, KVM_RUN, 0);
    run->immediate_exit = 0;
    return 0;
}

int own_vmm_set_line(int vm, uint32_t type, int vcpu, uint32_t intid, uint32_t level)
{
    struct kvm_irq_level line = {
        .irq = type << KVM_ARM_IRQ_TYPE_SHIFT | vcpu << KVM_ARM_IRQ_VCPU_SHIFT | intid, .level = level};

    return ioctl(vm, KVM_IRQ_LINE, &line);
}

uint32_t own_vmm_features(int vm)
{
    uint32_t features = 1u << KVM_ARM_VCPU_PSCI_0_2;

    if (ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_ARM_SVE) > 0)
        features |= 1u << KVM_ARM_VCPU_SVE;
    return features;
}

uint32_t own_vmm_target(int vm)
{
    struct kvm_vcpu_init init = {0};

    ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init);
    return init.target;
}

int own_vmm_initialize(int vcpu, uint32_t target, uint32_t features)
{
    struct kvm_vcpu_init init = {.target = target, .features = {features}};
    int sve = KVM_ARM_VCPU_SVE;

    if (ioctl(vcpu, KVM_ARM_VCPU_INIT, &init) < 0)
        return -1;
    return features & 1u << sve ? ioctl(vcpu, KVM_ARM_VCPU_FINALIZE, &sve) : 0;
}

int own_vmm_set_counter_offset(int vm, uint64_t offset)
{
    struct { uint64_t offset, reserved; } value = {.offset = offset};

    /* KVM_ARM_SET_COUNTER_OFFSET, which older headers lack. */
    return ioctl(vm, _IOW(KVMIO, 0xb5, value), &value);
}

static int set(int device, uint32_t group, uint64_t number, const void *value)
{
    struct kvm_device_attr attribute = {.group = group, .attr = number, .addr = (uint64_t)(uintptr_t)value};

    return ioctl(device, KVM_SET_DEVICE_ATTR, &attribute);
}

static int create_device(int vm, uint32_t type)
{
    struct kvm_create_device device = {.type = type};

    return ioctl(vm, KVM_CREATE_DEVICE, &device) < 0 ? -1 : (int)device.fd;
}

int own_vmm_create_gic(int vm, uint32_t interrupts)
{
    const uint64_t distributor = 0x8000000, redistributors = 0x80a0000;
    int gic = create_device(vm, KVM_DEV_TYPE_ARM_VGIC_V3);

    if (gic < 0 || set(gic, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &interrupts) < 0 ||
        set(gic, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, &distributor) < 0 ||
        set(gic, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST, &redistributors) < 0)
        return -1;
    return gic;
}

int own_vmm_create_its(int vm)
{
    const uint64_t address = 0x8080000;
    int its = create_device(vm, KVM_DEV_TYPE_ARM_VGIC_ITS);

    if (its < 0 || set(its, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_ITS_ADDR_TYPE, &address) < 0)
        return -1;
    return own_vmm_initialize_device(its) < 0 ? -1 : its;
}

int own_vmm_initialize_device(int device)
{
    return set(device, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, 0);
}

#else

int own_vmm_create_gic(int vm, uint32_t interrupts) { return -1; }
int own_vmm_set_counter_offset(int vm, uint64_t offset) { return -1; }
int own_vmm_create_its(int vm) { return -1; }
int own_vmm_initialize_device(int device) { return -1; }
int own_vmm_create_vm(void) { return -1; }
int own_vmm_create_vcpu(int vm, int index) { return -1; }
int own_vmm_map_memory(int vm, uint64_t address, void *memory, size_t size) { return -1; }
struct kvm_run *own_vmm_map_run(int vcpu) { return 0; }
uint8_t *own_vmm_immediate_exit(struct kvm_run *run) { return 0; }
int own_vmm_run_to_store(int vcpu, struct kvm_run *run, uint64_t address, uint64_t *value) { return -1; }
int own_vmm_set_line(int vm, uint32_t type, int vcpu, uint32_t intid, uint32_t level) { return -1; }
uint32_t own_vmm_features(int vm) { return 0; }
uint32_t own_vmm_target(int vm) { return 0; }
int own_vmm_initialize(int vcpu, uint32_t target, uint32_t features) { return -1; }

#endif
