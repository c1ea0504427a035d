/*
 * KVM on arm64: its numbers, its structures and one function per ioctl.
 *
 * <linux/kvm.h> describes the KVM of the architecture it is compiled for. These definitions are
 * this project's own, so that the same code builds on an x86-64 workstation; layout_checks.c
 * compares each of them with the kernel's headers whenever the target is arm64.
 * Reference: Documentation/virt/kvm/api.rst, include/uapi/linux/kvm.h,
 * arch/arm64/include/uapi/asm/kvm.h.
 */
#ifndef CLINUX_KVM_H
#define CLINUX_KVM_H

#include <stddef.h>
#include <stdint.h>

#define CLINUX_KVM_API_VERSION 12

enum {
    /* Capabilities (KVM_CHECK_EXTENSION) that decide what is called. */
    CLINUX_KVM_CAP_MP_STATE = 14,
    CLINUX_KVM_CAP_VCPU_EVENTS = 41,
    CLINUX_KVM_CAP_ARM_VM_IPA_SIZE = 165,
    CLINUX_KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES = 230, /* since 6.7 */

    /* Feature bits of KVM_ARM_VCPU_INIT. */
    CLINUX_KVM_ARM_VCPU_POWER_OFF = 0,
    CLINUX_KVM_ARM_VCPU_PSCI_0_2 = 2,
    CLINUX_KVM_ARM_VCPU_PMU_V3 = 3,
    CLINUX_KVM_ARM_VCPU_SVE = 4,
    CLINUX_KVM_ARM_VCPU_PTRAUTH_ADDRESS = 5,
    CLINUX_KVM_ARM_VCPU_PTRAUTH_GENERIC = 6,
};

enum {
    CLINUX_KVM_EXIT_MMIO = 6,
    CLINUX_KVM_CREATE_DEVICE_TEST = 1,

    CLINUX_KVM_VCPU_INIT_WORDS = 7,
    CLINUX_KVM_WRITABLE_MASKS = 3 * 8 * 8,
};

/* struct kvm_vcpu_init. */
struct clinux_kvm_vcpu_init {
    uint32_t target;
    uint32_t features[CLINUX_KVM_VCPU_INIT_WORDS];
};

/* struct kvm_vcpu_events. */
struct clinux_kvm_vcpu_events {
    uint8_t serror_pending;
    uint8_t serror_has_esr;
    uint8_t ext_dabt_pending;
    uint8_t padding[5];
    uint64_t serror_esr;
    uint32_t reserved[12];
};

/* The head of struct kvm_run, as far as KVM_EXIT_MMIO and immediate_exit need it. */
struct clinux_kvm_run {
    uint8_t request_interrupt_window;
    uint8_t immediate_exit;
    uint8_t padding[6];
    uint32_t exit_reason;
    uint8_t unused[20];
    struct {
        uint64_t physical_address;
        uint8_t data[8];
        uint32_t length;
        uint8_t is_write;
    } mmio;
};

/* KVM_GET_API_VERSION, on /dev/kvm. */
int clinux_kvm_get_api_version(int kvm);

/* KVM_CREATE_VM, on /dev/kvm: a VM with 2^ipa_bits bytes of guest physical address space;
 * 0 stands for the default of 40. */
int clinux_kvm_create_vm(int kvm, unsigned ipa_bits);

/* KVM_CHECK_EXTENSION, on /dev/kvm or a VM. */
int clinux_kvm_check_extension(int kvm_or_vm, int capability);

/* KVM_ENABLE_CAP, on a VM, with no flags and arguments. */
int clinux_kvm_enable_capability(int vm, int capability);

/* KVM_ARM_SET_COUNTER_OFFSET, on a VM, since 6.4: how far its counters are behind the host's. */
int clinux_kvm_arm_set_counter_offset(int vm, uint64_t offset);

/* KVM_GET_VCPU_MMAP_SIZE, on /dev/kvm: the size of struct kvm_run's mapping in bytes. */
int clinux_kvm_get_vcpu_mmap_size(int kvm);

/* KVM_CREATE_VCPU, on a VM. */
int clinux_kvm_create_vcpu(int vm, unsigned long index);

/* KVM_ARM_PREFERRED_TARGET, on a VM. */
int clinux_kvm_arm_preferred_target(int vm, struct clinux_kvm_vcpu_init *_Nonnull init);

/* KVM_ARM_GET_REG_WRITABLE_MASKS, on a VM, since 6.7: for each ID register (op0 3, op1 0, 1 or 3,
 * CRn 0) the bits user space may change; index = (op1 == 3 ? 2 : op1) << 6 | CRm << 3 | op2. */
int clinux_kvm_arm_get_reg_writable_masks(
    int vm, uint64_t masks[_Nonnull CLINUX_KVM_WRITABLE_MASKS]);

/* KVM_SET_USER_MEMORY_REGION, on a VM: backs guest physical memory with host memory. */
int clinux_kvm_set_user_memory_region(
    int vm, uint32_t slot, uint32_t flags, uint64_t guest_address, uint64_t size,
    void *_Nullable host_address);

/* KVM_CREATE_DEVICE, on a VM, with KVM_CREATE_DEVICE_TEST where nothing is to be made: the device's descriptor, or 0. */
int clinux_kvm_create_device(int vm, uint32_t type, int only_test);

/* KVM_GET_DEVICE_ATTR, on a VM, a vCPU or a device; value has the size that the attribute has. */
int clinux_kvm_get_attribute(int device, uint32_t group, uint64_t number, void *_Nonnull value);

/* KVM_SET_DEVICE_ATTR, on a VM, a vCPU or a device; value has the size that the attribute has. */
int clinux_kvm_set_attribute(
    int device, uint32_t group, uint64_t number, const void *_Nonnull value);

/* KVM_HAS_DEVICE_ATTR, on a VM, a vCPU or a device: 0 where it has the attribute. */
int clinux_kvm_has_attribute(int device, uint32_t group, uint64_t number);

/* KVM_ARM_VCPU_INIT, on a vCPU. */
int clinux_kvm_arm_vcpu_init(int vcpu, const struct clinux_kvm_vcpu_init *_Nonnull init);

/* KVM_ARM_VCPU_FINALIZE, on a vCPU, for the feature of the given bit. */
int clinux_kvm_arm_vcpu_finalize(int vcpu, int feature);

/* KVM_GET_REG_LIST, on a vCPU. struct kvm_reg_list ends in a flexible array, which Swift does not
 * import: list[0] is the room for ids on entry and their number on return, the ids follow it.
 * -E2BIG when there are more than list[0]; list[0] is then their number. */
int clinux_kvm_get_reg_list(int vcpu, uint64_t *_Nonnull list);

/* One of the reads of clinux_kvm_read_all. */
struct clinux_kvm_read {
    enum clinux_kvm_read_kind {
        CLINUX_KVM_READ_NOTHING,   /* the value stays as it is */
        CLINUX_KVM_READ_REGISTER,  /* KVM_GET_ONE_REG of number */
        CLINUX_KVM_READ_ATTRIBUTE, /* KVM_GET_DEVICE_ATTR of group and number, of a value that holds preset before */
        CLINUX_KVM_READ_MP_STATE,
        CLINUX_KVM_READ_EVENTS,    /* zeros where no SError is pending */
        CLINUX_KVM_READ_TIME,      /* nanoseconds since 1970 */
    } kind;
    int descriptor;
    uint32_t group;
    uint32_t size;
    uint64_t number;
    uint64_t preset;
    void *_Nullable value;
};

/* Reads all of them in their order, and takes no memory. Ends at the first that fails, whose place it tells. */
int clinux_kvm_read_all(const struct clinux_kvm_read *_Nullable reads, size_t count, size_t *_Nonnull failed);

/* KVM_GET_ONE_REG, on a vCPU; value has the size the id says (KVM_REG_SIZE). */
int clinux_kvm_get_one_reg(int vcpu, uint64_t id, void *_Nonnull value);

/* KVM_SET_ONE_REG, on a vCPU; value has the size the id says (KVM_REG_SIZE). */
int clinux_kvm_set_one_reg(int vcpu, uint64_t id, const void *_Nonnull value);

/* KVM_GET_MP_STATE, on a vCPU; struct kvm_mp_state is this one number. */
int clinux_kvm_get_mp_state(int vcpu, uint32_t *_Nonnull state);

/* KVM_SET_MP_STATE, on a vCPU. */
int clinux_kvm_set_mp_state(int vcpu, uint32_t state);

/* KVM_GET_VCPU_EVENTS, on a vCPU. */
int clinux_kvm_get_vcpu_events(int vcpu, struct clinux_kvm_vcpu_events *_Nonnull events);

/* KVM_SET_VCPU_EVENTS, on a vCPU. */
int clinux_kvm_set_vcpu_events(int vcpu, const struct clinux_kvm_vcpu_events *_Nonnull events);

/* KVM_RUN, on a vCPU. Not repeated on EINTR: that is how a run is interrupted. */
int clinux_kvm_run(int vcpu);

#endif
