/*
 * The numbers of KVM's ioctls on arm64, written out: the _IO macros derive them from the size of
 * structures, which differ between architectures. Checked by layout_checks.c.
 */
#ifndef CLINUX_KVM_NUMBERS_H
#define CLINUX_KVM_NUMBERS_H

/* On /dev/kvm. */
#define CLINUX_KVM_GET_API_VERSION 0x0000ae00ul
#define CLINUX_KVM_CREATE_VM 0x0000ae01ul
#define CLINUX_KVM_CHECK_EXTENSION 0x0000ae03ul /* and on a VM: KVM_CAP_CHECK_EXTENSION_VM */
#define CLINUX_KVM_GET_VCPU_MMAP_SIZE 0x0000ae04ul

/* On a VM. */
#define CLINUX_KVM_CREATE_VCPU 0x0000ae41ul
#define CLINUX_KVM_ENABLE_CAP 0x4068aea3ul
#define CLINUX_KVM_SET_USER_MEMORY_REGION 0x4020ae46ul /* KVM_CAP_USER_MEMORY */
#define CLINUX_KVM_ARM_PREFERRED_TARGET 0x8020aeaful
#define CLINUX_KVM_ARM_GET_REG_WRITABLE_MASKS \
    0x8040aeb6ul /* KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES */

/* On a VM, a vCPU or a device. */
#define CLINUX_KVM_SET_DEVICE_ATTR 0x4018aee1ul /* KVM_CAP_DEVICE_CTRL, KVM_CAP_VCPU_ATTRIBUTES */
#define CLINUX_KVM_GET_DEVICE_ATTR 0x4018aee2ul
#define CLINUX_KVM_HAS_DEVICE_ATTR 0x4018aee3ul

/* On a vCPU. */
#define CLINUX_KVM_RUN 0x0000ae80ul
#define CLINUX_KVM_GET_MP_STATE 0x8004ae98ul    /* KVM_CAP_MP_STATE */
#define CLINUX_KVM_SET_MP_STATE 0x4004ae99ul    /* KVM_CAP_MP_STATE */
#define CLINUX_KVM_GET_VCPU_EVENTS 0x8040ae9ful /* KVM_CAP_VCPU_EVENTS */
#define CLINUX_KVM_SET_VCPU_EVENTS 0x4040aea0ul /* KVM_CAP_VCPU_EVENTS */
#define CLINUX_KVM_GET_ONE_REG 0x4010aeabul     /* KVM_CAP_ONE_REG */
#define CLINUX_KVM_SET_ONE_REG 0x4010aeacul     /* KVM_CAP_ONE_REG */
#define CLINUX_KVM_ARM_VCPU_INIT 0x4020aeaeul
#define CLINUX_KVM_GET_REG_LIST 0xc008aeb0ul /* KVM_CAP_ONE_REG */
#define CLINUX_KVM_ARM_VCPU_FINALIZE 0x4004aec2ul /* KVM_CAP_ARM_SVE */

#endif
