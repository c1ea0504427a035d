#include "OwnVMM.h"

#if defined(__aarch64__)

#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

int own_vmm_create_vm(void)
{
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

    return kvm < 0 ? -1 : ioctl(kvm, KVM_CREATE_VM, 0);
}

int own_vmm_create_vcpu(int vm, int index)
{
    return ioctl(vm, KVM_CREATE_VCPU, index);
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

#else

int own_vmm_create_vm(void) { return -1; }
int own_vmm_create_vcpu(int vm, int index) { return -1; }
uint32_t own_vmm_features(int vm) { return 0; }
uint32_t own_vmm_target(int vm) { return 0; }
int own_vmm_initialize(int vcpu, uint32_t target, uint32_t features) { return -1; }

#endif
