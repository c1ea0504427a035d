/*
 * Proof, at compile time, that this module's own numbers and layouts are the kernel's. Nothing here
 * generates code. What does not depend on the architecture is checked everywhere, the rest when
 * the target is arm64; what is newer than the headers at hand is checked where they have it.
 */
#include <linux/kvm.h>
#include <stddef.h>

#if defined(__aarch64__)
/* The kernel's own signal structures, which the C library's headers redefine. */
#include <linux/elf.h>
#include <linux/types.h>
#include <asm/signal.h>
#include <asm/siginfo.h>
#include <asm/sigcontext.h>
#include <asm/ucontext.h>
#include <asm/ptrace.h>
#endif

#include "CLinuxAttach.h"
#include "CLinuxKVM.h"
#include "CLinuxKVMNumbers.h"
#include "kvm_structures.h"

#define SAME(ours, theirs) _Static_assert((ours) == (theirs), #ours " is not " #theirs)
#define SAME_SIZE(ours, theirs) SAME(sizeof(struct ours), sizeof(struct theirs))
#define SAME_OFFSET(ours, field, theirs, their_field) \
    SAME(offsetof(struct ours, field), offsetof(struct theirs, their_field))

SAME(CLINUX_KVM_API_VERSION, KVM_API_VERSION);

SAME(CLINUX_KVM_CAP_MP_STATE, KVM_CAP_MP_STATE);
SAME(CLINUX_KVM_CAP_VCPU_EVENTS, KVM_CAP_VCPU_EVENTS);
SAME(CLINUX_KVM_CAP_ARM_VM_IPA_SIZE, KVM_CAP_ARM_VM_IPA_SIZE);
#ifdef KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES
SAME(CLINUX_KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES, KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES);
#endif

SAME(CLINUX_KVM_EXIT_MMIO, KVM_EXIT_MMIO);

SAME(CLINUX_KVM_GET_API_VERSION, KVM_GET_API_VERSION);
SAME(CLINUX_KVM_CREATE_VM, KVM_CREATE_VM);
SAME(CLINUX_KVM_CHECK_EXTENSION, KVM_CHECK_EXTENSION);
SAME(CLINUX_KVM_GET_VCPU_MMAP_SIZE, KVM_GET_VCPU_MMAP_SIZE);
SAME(CLINUX_KVM_CREATE_VCPU, KVM_CREATE_VCPU);
SAME(CLINUX_KVM_SET_USER_MEMORY_REGION, KVM_SET_USER_MEMORY_REGION);
SAME(CLINUX_KVM_RUN, KVM_RUN);
SAME(CLINUX_KVM_GET_MP_STATE, KVM_GET_MP_STATE);
SAME(CLINUX_KVM_SET_MP_STATE, KVM_SET_MP_STATE);
SAME(CLINUX_KVM_GET_ONE_REG, KVM_GET_ONE_REG);
SAME(CLINUX_KVM_SET_ONE_REG, KVM_SET_ONE_REG);
SAME(CLINUX_KVM_GET_REG_LIST, KVM_GET_REG_LIST);

SAME(CLINUX_KVM_SET_DEVICE_ATTR, KVM_SET_DEVICE_ATTR);
SAME(CLINUX_KVM_GET_DEVICE_ATTR, KVM_GET_DEVICE_ATTR);
SAME(CLINUX_KVM_HAS_DEVICE_ATTR, KVM_HAS_DEVICE_ATTR);

SAME(CLINUX_KVM_CREATE_DEVICE, KVM_CREATE_DEVICE);
SAME(CLINUX_KVM_CREATE_DEVICE_TEST, KVM_CREATE_DEVICE_TEST);
SAME_SIZE(clinux_kvm_new_device, kvm_create_device);
SAME_OFFSET(clinux_kvm_new_device, descriptor, kvm_create_device, fd);
SAME_OFFSET(clinux_kvm_new_device, flags, kvm_create_device, flags);

SAME_SIZE(clinux_kvm_device_attribute, kvm_device_attr);
SAME_OFFSET(clinux_kvm_device_attribute, group, kvm_device_attr, group);
SAME_OFFSET(clinux_kvm_device_attribute, number, kvm_device_attr, attr);
SAME_OFFSET(clinux_kvm_device_attribute, address, kvm_device_attr, addr);

SAME_SIZE(clinux_kvm_one_reg, kvm_one_reg);
SAME_OFFSET(clinux_kvm_one_reg, id, kvm_one_reg, id);
SAME_OFFSET(clinux_kvm_one_reg, address, kvm_one_reg, addr);

SAME(sizeof(uint64_t), sizeof(struct kvm_reg_list));
SAME(offsetof(struct kvm_reg_list, reg), sizeof(uint64_t));

SAME(sizeof(uint32_t), sizeof(struct kvm_mp_state));

SAME_SIZE(clinux_kvm_memory_region, kvm_userspace_memory_region);
SAME_OFFSET(clinux_kvm_memory_region, slot, kvm_userspace_memory_region, slot);
SAME_OFFSET(clinux_kvm_memory_region, flags, kvm_userspace_memory_region, flags);
SAME_OFFSET(clinux_kvm_memory_region, guest_address, kvm_userspace_memory_region, guest_phys_addr);
SAME_OFFSET(clinux_kvm_memory_region, size, kvm_userspace_memory_region, memory_size);
SAME_OFFSET(clinux_kvm_memory_region, host_address, kvm_userspace_memory_region, userspace_addr);

SAME_OFFSET(clinux_kvm_run, immediate_exit, kvm_run, immediate_exit);
SAME_OFFSET(clinux_kvm_run, exit_reason, kvm_run, exit_reason);
SAME_OFFSET(clinux_kvm_run, mmio.physical_address, kvm_run, mmio.phys_addr);
SAME_OFFSET(clinux_kvm_run, mmio.data, kvm_run, mmio.data);
SAME_OFFSET(clinux_kvm_run, mmio.length, kvm_run, mmio.len);
SAME_OFFSET(clinux_kvm_run, mmio.is_write, kvm_run, mmio.is_write);

#if defined(__aarch64__)

SAME_SIZE(clinux_arm64_registers, user_pt_regs);
SAME_OFFSET(clinux_arm64_registers, sp, user_pt_regs, sp);
SAME_OFFSET(clinux_arm64_registers, pc, user_pt_regs, pc);
SAME_OFFSET(clinux_arm64_registers, pstate, user_pt_regs, pstate);
SAME(CLINUX_NT_PRSTATUS, NT_PRSTATUS);
SAME(CLINUX_NT_PRFPREG, NT_PRFPREG);
SAME(CLINUX_NT_ARM_SYSTEM_CALL, NT_ARM_SYSTEM_CALL);
SAME(CLINUX_NT_ARM_SVE, NT_ARM_SVE);

/* What SignalFrame.swift writes; struct rt_sigframe of the kernel is siginfo and ucontext. */
struct rt_sigframe {
    siginfo_t info;
    struct ucontext context;
};
SAME(CLINUX_FRAME_STACK_FLAGS, offsetof(struct rt_sigframe, context.uc_stack.ss_flags));
SAME(CLINUX_FRAME_SIGNAL_MASK, offsetof(struct rt_sigframe, context.uc_sigmask));
SAME(CLINUX_FRAME_REGISTERS, offsetof(struct rt_sigframe, context.uc_mcontext.regs));
SAME(CLINUX_FRAME_RECORDS, offsetof(struct rt_sigframe, context.uc_mcontext.__reserved));
SAME(CLINUX_FPSIMD_MAGIC, FPSIMD_MAGIC);
SAME(CLINUX_FPSIMD_SIZE, sizeof(struct fpsimd_context));
SAME(CLINUX_SVE_MAGIC, SVE_MAGIC);
SAME(offsetof(struct sigcontext, sp), offsetof(struct sigcontext, regs) + 31 * 8);
SAME(offsetof(struct sigcontext, pstate), offsetof(struct sigcontext, regs) + 33 * 8);

SAME(CLINUX_KVM_ARM_PREFERRED_TARGET, KVM_ARM_PREFERRED_TARGET);
SAME(CLINUX_KVM_ARM_VCPU_INIT, KVM_ARM_VCPU_INIT);
SAME(CLINUX_KVM_ARM_VCPU_FINALIZE, KVM_ARM_VCPU_FINALIZE);
SAME(CLINUX_KVM_GET_VCPU_EVENTS, KVM_GET_VCPU_EVENTS);
SAME(CLINUX_KVM_SET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS);

SAME(CLINUX_KVM_ARM_VCPU_POWER_OFF, KVM_ARM_VCPU_POWER_OFF);
SAME(CLINUX_KVM_ARM_VCPU_PSCI_0_2, KVM_ARM_VCPU_PSCI_0_2);
SAME(CLINUX_KVM_ARM_VCPU_PMU_V3, KVM_ARM_VCPU_PMU_V3);
SAME(CLINUX_KVM_ARM_VCPU_SVE, KVM_ARM_VCPU_SVE);
SAME(CLINUX_KVM_ARM_VCPU_PTRAUTH_ADDRESS, KVM_ARM_VCPU_PTRAUTH_ADDRESS);
SAME(CLINUX_KVM_ARM_VCPU_PTRAUTH_GENERIC, KVM_ARM_VCPU_PTRAUTH_GENERIC);

SAME_SIZE(clinux_kvm_vcpu_init, kvm_vcpu_init);
SAME_OFFSET(clinux_kvm_vcpu_init, target, kvm_vcpu_init, target);
SAME_OFFSET(clinux_kvm_vcpu_init, features, kvm_vcpu_init, features);

SAME_SIZE(clinux_kvm_vcpu_events, kvm_vcpu_events);
SAME_OFFSET(clinux_kvm_vcpu_events, serror_pending, kvm_vcpu_events, exception.serror_pending);
SAME_OFFSET(clinux_kvm_vcpu_events, serror_has_esr, kvm_vcpu_events, exception.serror_has_esr);
SAME_OFFSET(clinux_kvm_vcpu_events, ext_dabt_pending, kvm_vcpu_events, exception.ext_dabt_pending);
SAME_OFFSET(clinux_kvm_vcpu_events, serror_esr, kvm_vcpu_events, exception.serror_esr);

SAME(CLINUX_KVM_ENABLE_CAP, KVM_ENABLE_CAP);
SAME_SIZE(clinux_kvm_enabled_capability, kvm_enable_cap);
SAME_OFFSET(clinux_kvm_enabled_capability, number, kvm_enable_cap, cap);

#ifdef KVM_ARM_SET_COUNTER_OFFSET
SAME(CLINUX_KVM_ARM_SET_COUNTER_OFFSET, KVM_ARM_SET_COUNTER_OFFSET);
SAME_SIZE(clinux_kvm_counter_offset, kvm_arm_counter_offset);
SAME_OFFSET(clinux_kvm_counter_offset, offset, kvm_arm_counter_offset, counter_offset);
#endif
#ifdef KVM_ARM_GET_REG_WRITABLE_MASKS
SAME(CLINUX_KVM_ARM_GET_REG_WRITABLE_MASKS, KVM_ARM_GET_REG_WRITABLE_MASKS);
SAME(CLINUX_KVM_WRITABLE_MASKS, KVM_ARM_FEATURE_ID_RANGE_SIZE);
SAME_SIZE(clinux_kvm_mask_range, reg_mask_range);
SAME_OFFSET(clinux_kvm_mask_range, address, reg_mask_range, addr);
SAME_OFFSET(clinux_kvm_mask_range, range, reg_mask_range, range);
#endif

#endif
