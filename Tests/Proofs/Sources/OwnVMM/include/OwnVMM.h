/* As little of a VMM as has vCPUs, made without vcpusnap: what it owns is lent to vcpusnap. Needs KVM on arm64; elsewhere
 * everything returns -1. */
#ifndef OWN_VMM_H
#define OWN_VMM_H

#include <stdint.h>

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

/* A GICv3 with so many INTIDs and its addresses, which is not initialized yet; its descriptor, or -1. */
int own_vmm_create_gic(int vm, uint32_t interrupts);

/* An ITS with an address, initialized; its descriptor, or -1. */
int own_vmm_create_its(int vm);

/* KVM_DEV_ARM_VGIC_CTRL_INIT; 0, or -1. */
int own_vmm_initialize_device(int device);

#endif
