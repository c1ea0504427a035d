/* As little of a VMM as has vCPUs, made without vcpusnap: what it owns is lent to vcpusnap. Needs KVM on arm64; elsewhere
 * everything returns -1. */
#ifndef OWN_VMM_H
#define OWN_VMM_H

#include <stddef.h>
#include <stdint.h>

struct kvm_run;

/* A VM's descriptor, or -1. */
int own_vmm_create_vm(void);

/* The descriptor of a vCPU that is not initialized, or -1. */
int own_vmm_create_vcpu(int vm, int index);

/* The bits of KVM_ARM_VCPU_INIT that an ordinary guest has here: PSCI 0.2, and SVE where the host has it. */
uint32_t own_vmm_features(int vm);

/* The target that KVM prefers here. */
uint32_t own_vmm_target(int vm);

/* KVM_ARM_VCPU_INIT with these, and KVM_ARM_VCPU_FINALIZE of SVE; 0, or -1. */
int own_vmm_initialize(int vcpu, uint32_t target, uint32_t features);

/* The memory that the guest has from an address on; 0, or -1. */
int own_vmm_map_memory(int vm, uint64_t address, void *_Nonnull memory, size_t size);

/* What a vCPU and its VMM exchange, and the byte of it that ends KVM_RUN; NULL where there is none. */
struct kvm_run *_Nullable own_vmm_map_run(int vcpu);
uint8_t *_Nullable own_vmm_immediate_exit(struct kvm_run *_Nonnull run);

/* Runs a vCPU until it stores 8 bytes to this address, where no memory is, and completes that store; 0, or -errno:
 * EINTR when a signal came, EBADMSG when the guest did something else. */
int own_vmm_run_to_store(int vcpu, struct kvm_run *_Nonnull run, uint64_t address, uint64_t *_Nonnull value);

/* Moves the line of an interrupt of this KVM_ARM_IRQ_TYPE_*; 0, or -1. The vCPU counts for PPIs only. */
int own_vmm_set_line(int vm, uint32_t type, int vcpu, uint32_t intid, uint32_t level);

/* Sets both counters behind the host's by this, since Linux 6.4; 0, or -1. */
int own_vmm_set_counter_offset(int vm, uint64_t offset);

/* A GICv3 with so many INTIDs and its addresses, which is not initialized yet; its descriptor, or -1. */
int own_vmm_create_gic(int vm, uint32_t interrupts);

/* An ITS with an address, initialized; its descriptor, or -1. */
int own_vmm_create_its(int vm);

/* KVM_DEV_ARM_VGIC_CTRL_INIT; 0, or -1. */
int own_vmm_initialize_device(int device);

#endif
