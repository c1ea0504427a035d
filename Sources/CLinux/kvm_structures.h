/* The structures that only the ioctl functions fill in; Swift does not see them. */
#ifndef CLINUX_KVM_STRUCTURES_H
#define CLINUX_KVM_STRUCTURES_H

#include <stdint.h>

/* struct kvm_one_reg. */
struct clinux_kvm_one_reg {
    uint64_t id;
    uint64_t address;
};

/* struct kvm_userspace_memory_region. */
struct clinux_kvm_memory_region {
    uint32_t slot;
    uint32_t flags;
    uint64_t guest_address;
    uint64_t size;
    uint64_t host_address;
};

/* struct kvm_enable_cap. */
struct clinux_kvm_enabled_capability {
    uint32_t number;
    uint32_t flags;
    uint64_t arguments[4];
    uint8_t padding[64];
};

/* struct kvm_arm_counter_offset. */
struct clinux_kvm_counter_offset {
    uint64_t offset;
    uint64_t reserved;
};

/* struct kvm_create_device. */
struct clinux_kvm_new_device {
    uint32_t type;
    uint32_t descriptor;
    uint32_t flags;
};

/* struct kvm_device_attr. */
struct clinux_kvm_device_attribute {
    uint32_t flags;
    uint32_t group;
    uint64_t number;
    uint64_t address;
};

/* struct reg_mask_range. */
struct clinux_kvm_mask_range {
    uint64_t address;
    uint32_t range;
    uint32_t reserved[13];
};

#endif
