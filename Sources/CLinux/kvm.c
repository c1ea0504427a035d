#include "CLinuxKVM.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "CLinuxKVMNumbers.h"
#include "kvm_structures.h"

/* A signal interrupts some of them, KVM_CREATE_VM for one, before they have done anything. */
static int call(int fd, unsigned long request, unsigned long argument)
{
    int result;

    do
        result = ioctl(fd, request, argument);
    while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : result;
}

static int call_with(int fd, unsigned long request, const void *argument)
{
    return call(fd, request, (unsigned long)argument);
}

int clinux_kvm_get_api_version(int kvm)
{
    return call(kvm, CLINUX_KVM_GET_API_VERSION, 0);
}

int clinux_kvm_create_vm(int kvm, unsigned ipa_bits)
{
    return call(kvm, CLINUX_KVM_CREATE_VM, ipa_bits);
}

int clinux_kvm_check_extension(int kvm_or_vm, int capability)
{
    return call(kvm_or_vm, CLINUX_KVM_CHECK_EXTENSION, (unsigned long)capability);
}

int clinux_kvm_enable_capability(int vm, int capability)
{
    struct clinux_kvm_enabled_capability request = {.number = (uint32_t)capability};

    return call_with(vm, CLINUX_KVM_ENABLE_CAP, &request);
}

int clinux_kvm_arm_set_counter_offset(int vm, uint64_t offset)
{
    struct clinux_kvm_counter_offset request = {.offset = offset};

    return call_with(vm, CLINUX_KVM_ARM_SET_COUNTER_OFFSET, &request);
}

int clinux_kvm_get_vcpu_mmap_size(int kvm)
{
    return call(kvm, CLINUX_KVM_GET_VCPU_MMAP_SIZE, 0);
}

int clinux_kvm_create_vcpu(int vm, unsigned long index)
{
    return call(vm, CLINUX_KVM_CREATE_VCPU, index);
}

int clinux_kvm_arm_preferred_target(int vm, struct clinux_kvm_vcpu_init *init)
{
    return call_with(vm, CLINUX_KVM_ARM_PREFERRED_TARGET, init);
}

int clinux_kvm_arm_get_reg_writable_masks(int vm, uint64_t masks[CLINUX_KVM_WRITABLE_MASKS])
{
    struct clinux_kvm_mask_range request = {.address = (uintptr_t)masks};

    return call_with(vm, CLINUX_KVM_ARM_GET_REG_WRITABLE_MASKS, &request);
}

int clinux_kvm_set_user_memory_region(
    int vm, uint32_t slot, uint32_t flags, uint64_t guest_address, uint64_t size,
    void *host_address)
{
    struct clinux_kvm_memory_region region = {
        .slot = slot,
        .flags = flags,
        .guest_address = guest_address,
        .size = size,
        .host_address = (uintptr_t)host_address,
    };

    return call_with(vm, CLINUX_KVM_SET_USER_MEMORY_REGION, &region);
}

int clinux_kvm_create_device(int vm, uint32_t type, int only_test)
{
    struct clinux_kvm_new_device device = {
        .type = type, .flags = only_test ? CLINUX_KVM_CREATE_DEVICE_TEST : 0};
    int result = call_with(vm, CLINUX_KVM_CREATE_DEVICE, &device);

    return result < 0 || only_test ? result : (int)device.descriptor;
}

int clinux_kvm_arm_vcpu_init(int vcpu, const struct clinux_kvm_vcpu_init *init)
{
    return call_with(vcpu, CLINUX_KVM_ARM_VCPU_INIT, init);
}

int clinux_kvm_arm_vcpu_finalize(int vcpu, int feature)
{
    return call_with(vcpu, CLINUX_KVM_ARM_VCPU_FINALIZE, &feature);
}

int clinux_kvm_get_reg_list(int vcpu, uint64_t *list)
{
    return call_with(vcpu, CLINUX_KVM_GET_REG_LIST, list);
}

static int attribute(
    int device, unsigned long request, uint32_t group, uint64_t number, const void *value)
{
    struct clinux_kvm_device_attribute attribute = {
        .group = group, .number = number, .address = (uint64_t)(uintptr_t)value};

    return call_with(device, request, &attribute);
}

int clinux_kvm_get_attribute(int device, uint32_t group, uint64_t number, void *value)
{
    return attribute(device, CLINUX_KVM_GET_DEVICE_ATTR, group, number, value);
}

int clinux_kvm_set_attribute(int device, uint32_t group, uint64_t number, const void *value)
{
    return attribute(device, CLINUX_KVM_SET_DEVICE_ATTR, group, number, value);
}

int clinux_kvm_has_attribute(int device, uint32_t group, uint64_t number)
{
    return attribute(device, CLINUX_KVM_HAS_DEVICE_ATTR, group, number, 0);
}

int clinux_kvm_get_one_reg(int vcpu, uint64_t id, void *value)
{
    struct clinux_kvm_one_reg reg = {.id = id, .address = (uintptr_t)value};

    return call_with(vcpu, CLINUX_KVM_GET_ONE_REG, &reg);
}

int clinux_kvm_set_one_reg(int vcpu, uint64_t id, const void *value)
{
    struct clinux_kvm_one_reg reg = {.id = id, .address = (uintptr_t)value};

    return call_with(vcpu, CLINUX_KVM_SET_ONE_REG, &reg);
}

int clinux_kvm_get_mp_state(int vcpu, uint32_t *state)
{
    return call_with(vcpu, CLINUX_KVM_GET_MP_STATE, state);
}

int clinux_kvm_set_mp_state(int vcpu, uint32_t state)
{
    return call_with(vcpu, CLINUX_KVM_SET_MP_STATE, &state);
}

int clinux_kvm_get_vcpu_events(int vcpu, struct clinux_kvm_vcpu_events *events)
{
    return call_with(vcpu, CLINUX_KVM_GET_VCPU_EVENTS, events);
}

int clinux_kvm_set_vcpu_events(int vcpu, const struct clinux_kvm_vcpu_events *events)
{
    return call_with(vcpu, CLINUX_KVM_SET_VCPU_EVENTS, events);
}

static int read_attribute(const struct clinux_kvm_read *read)
{
    /* The kernel does not say how many bytes it writes; no attribute has more. */
    uint64_t value[32] = {read->preset};
    int result = clinux_kvm_get_attribute(read->descriptor, read->group, read->number, value);

    if (result >= 0)
        memcpy(read->value, value, read->size);
    return result;
}

static int read_events(const struct clinux_kvm_read *read)
{
    struct clinux_kvm_vcpu_events events;
    int result = clinux_kvm_get_vcpu_events(read->descriptor, &events);

    if (result < 0)
        return result;
    /* Without a pending SError the rest says what the host could do, which is no state of the vCPU. */
    memset(read->value, 0, read->size);
    if (*(const uint8_t *)&events != 0)
        memcpy(read->value, &events, read->size);
    return 0;
}

static int read_time(const struct clinux_kvm_read *read)
{
    struct timespec now;
    uint64_t nanoseconds;

    clock_gettime(CLOCK_REALTIME, &now);
    nanoseconds = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    memcpy(read->value, &nanoseconds, sizeof nanoseconds);
    return 0;
}

static int read_one(const struct clinux_kvm_read *read)
{
    switch (read->kind) {
    case CLINUX_KVM_READ_NOTHING:
        return 0;
    case CLINUX_KVM_READ_REGISTER:
        return clinux_kvm_get_one_reg(read->descriptor, read->number, read->value);
    case CLINUX_KVM_READ_ATTRIBUTE:
        return read_attribute(read);
    case CLINUX_KVM_READ_MP_STATE:
        return clinux_kvm_get_mp_state(read->descriptor, read->value);
    case CLINUX_KVM_READ_EVENTS:
        return read_events(read);
    case CLINUX_KVM_READ_TIME:
        return read_time(read);
    }
    return -EINVAL;
}

int clinux_kvm_read_all(const struct clinux_kvm_read *reads, size_t count, size_t *failed)
{
    for (size_t place = 0; place < count; place++) {
        int result = read_one(&reads[place]);

        if (result < 0) {
            *failed = place;
            return result;
        }
    }
    return 0;
}

int clinux_kvm_run(int vcpu)
{
    /* Here EINTR is an answer: the guest was stopped by a signal. */
    return ioctl(vcpu, CLINUX_KVM_RUN, 0ul) < 0 ? -errno : 0;
}
