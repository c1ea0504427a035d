/*
 * A VMM in C that has its guest saved and restored by libvcpusnap, as Documentation/c-library.md shows it: the guest of
 * Tests/Proofs/Sources/GuestPrograms, whose checksum is another one when a register is lost.
 * usage: vmm save FOLDER POINTS       stops guests anywhere, and saves each with its memory
 *        vmm restore FOLDER POINTS [REGISTER]   in another boot: goes on with each; without that register
 *        vmm captures ROUNDS          captures a guest again and again
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vcpusnap.h>

#include "GuestPrograms.h"
#include "allocations.h"

int save_guest(int vm_fd, const vcpusnap_vcpu *vcpu, int gic_fd, const char *path);
int restore_guest(int vm_fd, const vcpusnap_vcpu *vcpu, int gic_fd, const char *path);

/* What the program uses of its memory. */
#define USED_MEMORY 0x40000

#define PC 0x6030000000100040u
#define PSTATE 0x6030000000100042u
#define X0 0x6030000000100000u
#define ID_AA64DFR0_EL1 0x603000000013c028u
#define ID_AA64MMFR3_EL1 0x603000000013c03bu
#define PIR_EL1 0x603000000013c513u
#define CNTP_CVAL_EL0 0x603000000013df12u

struct guest {
    int vm;
    vcpusnap_vcpu vcpu;
    unsigned char *memory;
    struct kvm_run *run;
    size_t run_size;
};

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int called(int result, const char *what)
{
    if (result < 0)
        fail(what);
    return result;
}

static int has(int vm, int capability) { return ioctl(vm, KVM_CHECK_EXTENSION, capability) > 0; }

static uint32_t features(int vm)
{
    uint32_t result = 1u << KVM_ARM_VCPU_PSCI_0_2;

    if (has(vm, KVM_CAP_ARM_SVE))
        result |= 1u << KVM_ARM_VCPU_SVE;
    if (has(vm, KVM_CAP_ARM_PTRAUTH_ADDRESS) && has(vm, KVM_CAP_ARM_PTRAUTH_GENERIC))
        result |= 1u << KVM_ARM_VCPU_PTRAUTH_ADDRESS | 1u << KVM_ARM_VCPU_PTRAUTH_GENERIC;
    return result;
}

static struct guest make_guest(void)
{
    int kvm = called(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm"), sve = KVM_ARM_VCPU_SVE;
    struct kvm_vcpu_init init = { 0 };
    struct kvm_userspace_memory_region region = {
        .guest_phys_addr = GUEST_LOAD_ADDRESS, .memory_size = GUEST_MEMORY_SIZE };
    struct guest guest = { 0 };

    guest.vm = called(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
    guest.memory = mmap(NULL, GUEST_MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    region.userspace_addr = (uintptr_t)guest.memory;
    called(ioctl(guest.vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
    guest.vcpu.fd = called(ioctl(guest.vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
    called(ioctl(guest.vm, KVM_ARM_PREFERRED_TARGET, &init), "KVM_ARM_PREFERRED_TARGET");
    init.features[0] = features(guest.vm);
    called(ioctl(guest.vcpu.fd, KVM_ARM_VCPU_INIT, &init), "KVM_ARM_VCPU_INIT");
    if (init.features[0] & 1u << sve)
        called(ioctl(guest.vcpu.fd, KVM_ARM_VCPU_FINALIZE, &sve), "KVM_ARM_VCPU_FINALIZE");
    guest.vcpu.target = init.target;
    guest.vcpu.features = init.features[0];
    guest.run_size = (size_t)called(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
    guest.run = mmap(NULL, guest.run_size, PROT_READ | PROT_WRITE, MAP_SHARED, guest.vcpu.fd, 0);
    if (guest.memory == MAP_FAILED || guest.run == MAP_FAILED)
        fail("mmap");
    close(kvm);
    return guest;
}

static void free_guest(struct guest *guest)
{
    guest_interrupt_target(NULL);
    munmap(guest->run, guest->run_size);
    close(guest->vcpu.fd);
    close(guest->vm);
    munmap(guest->memory, GUEST_MEMORY_SIZE);
}

static int get(const struct guest *guest, uint64_t id, uint64_t *value)
{
    struct kvm_one_reg reg = { id, (uintptr_t)value };

    *value = 0;
    return ioctl(guest->vcpu.fd, KVM_GET_ONE_REG, &reg);
}

static void set(const struct guest *guest, uint64_t id, uint64_t value)
{
    struct kvm_one_reg reg = { id, (uintptr_t)&value };

    called(ioctl(guest->vcpu.fd, KVM_SET_ONE_REG, &reg), "KVM_SET_ONE_REG");
}

static void start(struct guest *guest)
{
    uint64_t argument = 256, dfr0, mmfr3, other;
    size_t size;
    const void *program = guest_program(&size);

    get(guest, ID_AA64DFR0_EL1, &dfr0);
    get(guest, ID_AA64MMFR3_EL1, &mmfr3);
    argument |= (uint64_t)(guest->vcpu.features >> KVM_ARM_VCPU_SVE & 1) << GUEST_HAS_SVE_BIT;
    argument |= (uint64_t)(guest->vcpu.features >> KVM_ARM_VCPU_PTRAUTH_ADDRESS & 1)
                << GUEST_HAS_POINTER_AUTHENTICATION_BIT;
    argument |= (uint64_t)(get(guest, CNTP_CVAL_EL0, &other) == 0) << GUEST_HAS_PHYSICAL_TIMER_BIT;
    argument |= (uint64_t)((mmfr3 & 0xf) && (mmfr3 & 0xf00) && get(guest, PIR_EL1, &other) == 0)
                << GUEST_HAS_PERMISSION_INDIRECTION_BIT;
    argument |= (dfr0 >> 12 & 0xf) << GUEST_BREAKPOINTS_SHIFT | (dfr0 >> 20 & 0xf) << GUEST_WATCHPOINTS_SHIFT;
    memcpy(guest->memory, program, size);
    set(guest, PSTATE, 0x3c5);
    set(guest, X0, argument);
    set(guest, PC, GUEST_LOAD_ADDRESS);
}

/* Runs it to its end, or until it is interrupted: 1, with the checksum, or 0. */
static int run(struct guest *guest, uint64_t microseconds, uint64_t *checksum)
{
    const uint64_t input = 0x0123456789abcdef;
    int result = 0;

    guest_interrupt_target(&guest->run->immediate_exit);
    guest_interrupt_after(microseconds);
    while (!result && ioctl(guest->vcpu.fd, KVM_RUN, 0) == 0) {
        if (guest->run->exit_reason != KVM_EXIT_MMIO)
            fail("KVM_RUN ended in another way");
        if (!guest->run->mmio.is_write)
            memcpy(guest->run->mmio.data, &input, sizeof input);
        result = guest->run->mmio.is_write && guest->run->mmio.phys_addr == GUEST_RESULT_ADDRESS;
    }
    if (result)
        memcpy(checksum, guest->run->mmio.data, sizeof *checksum);
    else if (errno != EINTR)
        fail("KVM_RUN");
    guest_interrupt_after(0);
    guest->run->immediate_exit = 0;
    return result;
}

static void name(char *path, size_t size, const char *folder, long point, const char *what)
{
    snprintf(path, size, "%s/%ld.%s", folder, point, what);
}

static void write_whole(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");

    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file))
        fail(path);
}

static void read_whole(const char *path, void *bytes, size_t size)
{
    FILE *file = fopen(path, "rb");

    if (!file || fread(bytes, 1, size, file) != size || fclose(file))
        fail(path);
}

static int save(const char *folder, long points)
{
    struct guest guest = make_guest();
    uint64_t reference, checksum;
    char path[4096];
    long point = 0;

    start(&guest);
    if (!run(&guest, 60000000, &reference))
        return printf("the guest does not finish\n"), 1;
    free_guest(&guest);
    name(path, sizeof path, folder, 0, "reference");
    write_whole(path, &reference, sizeof reference);
    while (point < points) {
        guest = make_guest();
        start(&guest);
        while (!run(&guest, 1 + (uint64_t)rand() % 20000, &checksum) && point < points) {
            name(path, sizeof path, folder, point, "snap");
            if (save_guest(guest.vm, &guest.vcpu, -1, path))
                return 1;
            name(path, sizeof path, folder, point++, "mem");
            write_whole(path, guest.memory, USED_MEMORY);
        }
        free_guest(&guest);
        if (point < points && checksum != reference)
            return printf("stopping alone changed the checksum\n"), 1;
    }
    printf("%ld points saved\n", point);
    return 0;
}

/* Takes a register out of a file, as far as a new vCPU does not have the saved value by itself. */
static void lose(const char *path, const char *lost)
{
    vcpusnap_error error = VCPUSNAP_ERROR_INIT;
    vcpusnap_snapshot *snapshot = NULL;
    uint64_t id, zero = 0;

    if (vcpusnap_register_find(lost, &id, &error) ||
        vcpusnap_snapshot_read_file(path, &snapshot, &error) ||
        vcpusnap_snapshot_set(snapshot, 0, id, &zero, sizeof zero, &error) ||
        vcpusnap_snapshot_write_file(snapshot, "lost", &error))
        printf("%s\n", error.message), exit(1);
    vcpusnap_snapshot_destroy(snapshot);
}

static int restore(const char *folder, long points, const char *lost)
{
    uint64_t reference, checksum;
    char path[4096];
    long point, passed = 0;

    name(path, sizeof path, folder, 0, "reference");
    read_whole(path, &reference, sizeof reference);
    for (point = 0; point < points; point++) {
        struct guest guest = make_guest();

        name(path, sizeof path, folder, point, "mem");
        read_whole(path, guest.memory, USED_MEMORY);
        name(path, sizeof path, folder, point, "snap");
        if (lost)
            lose(path, lost);
        if (restore_guest(guest.vm, &guest.vcpu, -1, lost ? "lost" : path) == 0 &&
            run(&guest, 60000000, &checksum) && checksum == reference)
            passed++;
        free_guest(&guest);
    }
    printf("%ld passed, %ld failed\n", passed, points - passed);
    return passed != points;
}

static int descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;

    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static int captures(long rounds)
{
    struct guest guest = make_guest();
    vcpusnap_error error = VCPUSNAP_ERROR_INIT;
    vcpusnap_machine_options options = VCPUSNAP_MACHINE_OPTIONS_INIT;
    vcpusnap_machine *machine;
    vcpusnap_capture *capture = NULL;
    vcpusnap_snapshot *snapshot = NULL, *saved = NULL;
    vcpusnap_difference *difference = NULL;
    size_t held = 0;
    long round, taken = 0;
    int open = 0, same;

    start(&guest);
    options.vm_fd = guest.vm;
    options.vcpus = &guest.vcpu;
    options.vcpu_count = 1;
    if (vcpusnap_machine_create(&options, &machine, &error) || vcpusnap_prepare(machine, &capture, &error))
        return printf("%s\n", error.message), 1;
    for (round = 0; round < rounds; round++) {
        long before = allocations;

        if (vcpusnap_capture_read(capture, &error))
            return printf("%s\n", error.message), 1;
        taken += allocations - before;
        if (round == rounds / 10) {
            held = mallinfo2().uordblks;
            open = descriptors();
        }
        vcpusnap_snapshot_destroy(snapshot);
        if (vcpusnap_capture_finish(capture, &snapshot, &error))
            return printf("%s\n", error.message), 1;
    }
    printf("%ld captures, %ld allocations on the stop path; %zu bytes held before, %zu after; %d descriptors more\n", rounds,
           taken, held, (size_t)mallinfo2().uordblks, descriptors() - open);
    if (taken || descriptors() != open || (size_t)mallinfo2().uordblks > held + 65536)
        return 1;
    if (vcpusnap_save(machine, &saved, &error) || vcpusnap_compare(snapshot, saved, &difference, &error))
        return printf("%s\n", error.message), 1;
    same = vcpusnap_difference_is_same(difference);
    printf("a save one by one has %s, %zu registers\n", same ? "the same" : "OTHERS",
           vcpusnap_snapshot_register_count(saved, 0));
    return !same;
}

int main(int count, char *arguments[])
{
    if (guest_interrupt_prepare() < 0)
        return 2;
    if (count == 4 && !strcmp(arguments[1], "save"))
        return save(arguments[2], atol(arguments[3]));
    if (count >= 4 && !strcmp(arguments[1], "restore"))
        return restore(arguments[2], atol(arguments[3]), count > 4 ? arguments[4] : NULL);
    if (count == 3 && !strcmp(arguments[1], "captures"))
        return captures(atol(arguments[2]));
    return 2;
}
