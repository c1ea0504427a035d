/*
 * A VMM to be attached to. Its guest counts; its threads check all of their registers all the time; ten
 * times a second it says how far the guest is, and how many errors there were: registers that were not what
 * they should be, waits that ended before their time, signals that were lost:
 *   beat 12: errors 0 checks 531 signals 0 guest 81234 80012
 *
 * usage: vmm [--vcpus N] [--beats N] [--checkers N] [--sve] [--filter KIND] [--churn] [--block] [--dump FILE]
 *            [--mmio MILLISECONDS] [--aarch32] [--uninitialized] [--second-vm before|after] [--signals] [--sequences]
 *            [--aborts] [--counted FILE] [--idle] [--vfork SECONDS] [--no-memory] [--no-stack] [--become-aarch32]
 *            [--gic FILE]
 *   --beats N     end after that many (default: for ever), with status 1 if there were errors
 *   --checkers N  threads that do nothing but check (default 1); with --sve those of SVE too, if there are any
 *   --filter microvm  every thread has a filter that kills: vCPU threads may read registers, but not
 *                 events, others may not even return from a signal
 *            closed   the same, but that vCPU threads may only run
 *            noexec   executable memory is refused, with EPERM
 *            trap     to read a register gives a signal, which would end the VMM
 *            split    as microvm, but that the others may return from a signal, and read and write attributes of devices
 *   --churn       threads come and go
 *   --block       all signals are blocked in all threads
 *   --dump FILE   stop the vCPUs at the third beat, and write what they hold, for ever the same; on
 *                 stderr, how long reading all of it takes: "floor: 812 us"
 *   --mmio M      the guest writes to a device now and then, which takes that long to answer; "half": half as long as
 *                 the guest had run, however fast that is here
 *   --aarch32     the guest's EL1 is AArch32
 *   --uninitialized   there is a vCPU more, which was made and nothing else
 *   --signals     vCPU threads get signals all the time, each with a number; one that is lost, or comes with
 *                 another number, is an error; and one waits for ever, blocked
 *   --aborts      SIGABRT is counted; one that is not from who sent the first is an error
 *   --counted FILE  some signals are counted there, each in the word of its number: SIGABRT, which threads of vCPUs
 *                 block, SIGFPE, SIGUSR2 and SIGRTMIN+4, all of which the first thread blocks, and SIGTRAP, which all
 *                 block and one waits for
 *   --idle        the guest waits for an interrupt, and none comes
 *   --sequences   threads that check are in restartable sequences (rseq(2)) nearly all the time; one that the
 *                 kernel should have begun anew and did not is an error
 *   --vfork S     a thread waits that long inside the kernel, where nothing interrupts it
 *   --no-memory   no more memory can be mapped (RLIMIT_AS)
 *   --no-stack    no beats and no vCPU that runs: only a thread that has nothing below its stack pointer
 *   --become-aarch32  the same, but that it becomes a program of AArch32
 *   --gic FILE    the VM has a GICv3 with an ITS, whose registers hold something; with --dump what they hold is written
 *                 to FILE: a line for each attribute of the GIC that there is. FILE is - for one that is not initialized,
 *                 so no vCPU runs
 *   --second-vm   there is another VM, with a vCPU 0; its descriptor is made before or after the vCPUs of the first
 */
#define _GNU_SOURCE
#include <asm/hwcap.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/kvm.h>
#include <linux/rseq.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MOST 64
#define MEMORY 0x100000
#define CODE 0x10000
#define COUNTERS 0x20000
#define DEVICE 0x10000000

uint64_t checked_call(int fd, unsigned long request, unsigned long argument, long *result,
                      uint64_t seed);
uint64_t checked_spin(uint64_t rounds, long a, long b, long c, uint64_t seed);
uint64_t checked_long_spin(uint64_t rounds, long a, long b, long c, uint64_t seed);

enum filter { NO_FILTER, MICROVM, SPLIT, CLOSED, NO_EXEC, TRAP };

static int vm, vcpus[MOST], vcpu_count = 1, sve, aarch32, idle, uninitialized, mmio_milliseconds = -1, mmio_is_half;
static enum filter filter;
static const char *second_vm;
static struct kvm_run *runs[MOST];
static volatile uint64_t *memory;
static pthread_t vcpu_threads[MOST];
static _Atomic uint64_t errors, checks;
static _Atomic int received;
static _Atomic uint64_t *counts;
static _Atomic int stop, stopped;

static void fail(const char *what)
{
    perror(what);
    exit(3);
}

static void block_signal(int signal)
{
    sigset_t only;

    sigemptyset(&only);
    sigaddset(&only, signal);
    pthread_sigmask(SIG_BLOCK, &only, NULL);
}

static void set_register(int vcpu, uint64_t id, uint64_t value)
{
    struct kvm_one_reg reg = {id, (uintptr_t)&value};

    if (ioctl(vcpu, KVM_SET_ONE_REG, &reg) < 0)
        fail("KVM_SET_ONE_REG");
}

static uint64_t core(size_t offset)
{
    return 0x6030000000100000ull | offset / 4;
}

/* Counts at x2 for ever. */
static const uint32_t counting[] = {
    0xf9400041, /* ldr x1, [x2]    */
    0x91000421, /* add x1, x1, #1  */
    0xf9000041, /* str x1, [x2]    */
    0x17fffffd, /* b   .-12        */
};

/* The same, and every 2^22 times it writes to a device at x3. */
static const uint32_t counting_and_writing[] = {
    0xf9400041, /* ldr  x1, [x2]      */
    0x91000421, /* add  x1, x1, #1    */
    0xf9000041, /* str  x1, [x2]      */
    0xf240543f, /* tst  x1, #0x3fffff */
    0x54ffff81, /* b.ne .-16          */
    0xf9000061, /* str  x1, [x3]      */
    0x17fffffa, /* b    .-24          */
};

static const uint32_t waiting[] = {
    0xd503207f, /* wfi  */
    0x17ffffff, /* b .-4 */
};

static const uint32_t counting_in_a32[] = {
    0xe5921000, /* ldr r1, [r2]    */
    0xe2811001, /* add r1, r1, #1  */
    0xe5821000, /* str r1, [r2]    */
    0xeafffffb, /* b   .-12        */
};

static int gic = -1, its = -1, has_pmu;
static const char *gic_path;

static int attribute(int device, unsigned long request, unsigned group, uint64_t number, void *value)
{
    struct kvm_device_attr attribute = {.group = group, .attr = number, .addr = (uintptr_t)value};

    return ioctl(device, request, &attribute);
}

static void set_attribute(int device, unsigned group, uint64_t number, uint64_t value)
{
    if (attribute(device, KVM_SET_DEVICE_ATTR, group, number, &value) < 0)
        fail("KVM_SET_DEVICE_ATTR");
}

/* With an interrupt controller of KVM's it has an interrupt, and is initialized after that controller. */
static void initialize_pmu(int vcpu)
{
    int interrupt = 23;

    if (gic >= 0 && attribute(vcpu, KVM_SET_DEVICE_ATTR, KVM_ARM_VCPU_PMU_V3_CTRL, KVM_ARM_VCPU_PMU_V3_IRQ, &interrupt) < 0)
        fail("KVM_ARM_VCPU_PMU_V3_IRQ");
    if (attribute(vcpu, KVM_SET_DEVICE_ATTR, KVM_ARM_VCPU_PMU_V3_CTRL, KVM_ARM_VCPU_PMU_V3_INIT, NULL) < 0)
        fail("KVM_ARM_VCPU_PMU_V3_INIT");
}

static void initialize(int kvm, int vcpu)
{
    struct kvm_vcpu_init init;

    if (ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init) < 0)
        fail("KVM_ARM_PREFERRED_TARGET");
    init.features[0] = 1u << KVM_ARM_VCPU_PSCI_0_2;
    if (ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_ARM_PMU_V3) > 0)
        init.features[0] |= 1u << KVM_ARM_VCPU_PMU_V3;
    if (aarch32)
        init.features[0] |= 1u << KVM_ARM_VCPU_EL1_32BIT;
    else if (ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_ARM_PTRAUTH_ADDRESS) > 0)
        init.features[0] |= 3u << KVM_ARM_VCPU_PTRAUTH_ADDRESS;
    if (!aarch32 && ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_ARM_SVE) > 0)
        init.features[0] |= 1u << KVM_ARM_VCPU_SVE;
    if (ioctl(vcpu, KVM_ARM_VCPU_INIT, &init) < 0)
        fail("KVM_ARM_VCPU_INIT");
    if (init.features[0] & 1u << KVM_ARM_VCPU_SVE) {
        int feature = KVM_ARM_VCPU_SVE;

        if (ioctl(vcpu, KVM_ARM_VCPU_FINALIZE, &feature) < 0)
            fail("KVM_ARM_VCPU_FINALIZE");
    }
    has_pmu = init.features[0] >> KVM_ARM_VCPU_PMU_V3 & 1;
    if (has_pmu && gic_path == NULL)
        initialize_pmu(vcpu);
}

static void set_general(int vcpu, int number, uint64_t value)
{
    set_register(vcpu, core(offsetof(struct kvm_regs, regs.regs[number])), value);
}

static int make_vcpu(int kvm, int index)
{
    int vcpu = ioctl(vm, KVM_CREATE_VCPU, index);

    if (vcpu < 0)
        fail("KVM_CREATE_VCPU");
    initialize(kvm, vcpu);
    for (int n = 3; n < 31; n++)
        set_general(vcpu, n, 0x1111 * n + index);
    set_general(vcpu, 2, COUNTERS + 64 * index);
    set_general(vcpu, 3, DEVICE);
    set_register(vcpu, core(offsetof(struct kvm_regs, regs.pc)), CODE);
    /* EL1h, or Supervisor mode, with all exceptions masked. */
    set_register(vcpu, core(offsetof(struct kvm_regs, regs.pstate)), aarch32 ? 0x1d3 : 0x3c5);
    return vcpu;
}

/* A VM whose only vCPU never runs; its X5 is 5. */
static void make_second_vm(int kvm)
{
    int first = vm, vcpu;

    vm = ioctl(kvm, KVM_CREATE_VM, 0);
    if (vm < 0)
        fail("KVM_CREATE_VM");
    vcpu = make_vcpu(kvm, 0);
    set_general(vcpu, 5, 5);
    vm = first;
}

static void make_vcpus(int kvm)
{
    long size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);

    for (int index = 0; index < vcpu_count; index++) {
        vcpus[index] = make_vcpu(kvm, index);
        runs[index] = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpus[index], 0);
        if (runs[index] == MAP_FAILED)
            fail("mmap");
    }
    /* Descriptors that look like vCPUs, and are none more. */
    if (ioctl(vcpus[0], KVM_GET_STATS_FD, NULL) < 0 || dup(vcpus[0]) < 0)
        fail("KVM_GET_STATS_FD");
    if (uninitialized && ioctl(vm, KVM_CREATE_VCPU, vcpu_count) < 0)
        fail("KVM_CREATE_VCPU");
}

static int make_device(unsigned type)
{
    struct kvm_create_device device = {.type = type};

    if (ioctl(vm, KVM_CREATE_DEVICE, &device) < 0)
        fail("KVM_CREATE_DEVICE");
    return device.fd;
}

/* Each vCPU has other interrupts pending, and a priority mask of its own. */
static void make_gic(void)
{
    const unsigned dist = KVM_DEV_ARM_VGIC_GRP_DIST_REGS, init = KVM_DEV_ARM_VGIC_GRP_CTRL;

    gic = make_device(KVM_DEV_TYPE_ARM_VGIC_V3);
    if (strcmp(gic_path, "-") == 0) {
        stop = 1;
        return;
    }
    its = make_device(KVM_DEV_TYPE_ARM_VGIC_ITS);
    set_attribute(gic, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, 96);
    set_attribute(gic, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, 0x8000000);
    set_attribute(gic, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION,
                  (uint64_t)vcpu_count << 52 | 0x8100000);
    set_attribute(its, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_ITS_ADDR_TYPE, 0x8080000);
    set_attribute(its, init, KVM_DEV_ARM_VGIC_CTRL_INIT, 0);
    set_attribute(gic, init, KVM_DEV_ARM_VGIC_CTRL_INIT, 0);
    set_attribute(gic, dist, 0x104, 0x12345678); /* GICD_ISENABLER1 */
    set_attribute(gic, dist, 0x208, 0x0ff01234); /* GICD_ISPENDR2 */
    set_attribute(gic, dist, 0xc08, 0x88220088); /* GICD_ICFGR2: some are of levels */
    set_attribute(gic, KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO, 32, 0xa5a5);
    for (unsigned n = 8; n < 24; n++)
        set_attribute(gic, dist, 0x400 + 4 * n, 0x08102030 * (n % 5 + 1)); /* GICD_IPRIORITYRn */
    for (unsigned n = 32; n < 96; n++)
        set_attribute(gic, dist, 0x6000 + 8 * n, n % vcpu_count); /* GICD_IROUTERn */
    for (uint64_t index = 0; index < (uint64_t)vcpu_count; index++) {
        set_attribute(gic, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, index << 32 | 0x10200, 0x400100 << index);
        set_attribute(gic, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, index << 32 | 0xc230, 0x80 + 8 * index);
        if (has_pmu)
            initialize_pmu(vcpus[index]);
    }
}

/* vCPU, or -1 for the VM, group, attribute and value of what there is of a group. */
static void dump_group(FILE *file, int device, int index, unsigned group, uint64_t first, uint64_t end, unsigned step)
{
    for (uint64_t number = first; number < end; number += step) {
        uint64_t key = index < 0 ? number : (uint64_t)index << 32 | number, value = 0;

        if (attribute(device, KVM_HAS_DEVICE_ATTR, group, key, &value) == 0 &&
            attribute(device, KVM_GET_DEVICE_ATTR, group, key, &value) == 0)
            fprintf(file, "%d %x %llx %llx\n", index, group, (unsigned long long)number, (unsigned long long)value);
    }
}

static void dump_gic(void)
{
    FILE *file = fopen(gic_path, "w");

    dump_group(file, gic, -1, KVM_DEV_ARM_VGIC_GRP_ADDR, 0, 4, 1);
    dump_group(file, gic, -1, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, 1, 1);
    dump_group(file, gic, -1, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, 0, 0x8000, 4);
    dump_group(file, gic, -1, KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO, 32, 96, 32);
    dump_group(file, gic, -1, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, 0x70, 0x78, 4); /* GICR_PROPBASER */
    dump_group(file, its, -1, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_ITS_ADDR_TYPE, KVM_VGIC_ITS_ADDR_TYPE + 1, 1);
    dump_group(file, its, -1, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, 0, 0x140, 4);
    for (int index = 0; index < vcpu_count; index++) {
        dump_group(file, gic, index, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, 0, 0x100, 4);
        dump_group(file, gic, index, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, 0x10000, 0x10d00, 4);
        dump_group(file, gic, index, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, 0xc000, 0xc800, 1);
        dump_group(file, gic, index, KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO, 0, 1, 1);
    }
    fclose(file);
}

static void make_vm(void)
{
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), other = -1;
    struct kvm_userspace_memory_region region = {.memory_size = MEMORY};

    memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    vm = ioctl(kvm, KVM_CREATE_VM, 0);
    region.userspace_addr = (uintptr_t)memory;
    if (vm < 0 || ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
        fail("KVM_CREATE_VM");
    if (aarch32)
        memcpy((char *)memory + CODE, counting_in_a32, sizeof(counting_in_a32));
    else if (idle)
        memcpy((char *)memory + CODE, waiting, sizeof(waiting));
    else if (mmio_milliseconds >= 0)
        memcpy((char *)memory + CODE, counting_and_writing, sizeof(counting_and_writing));
    else
        memcpy((char *)memory + CODE, counting, sizeof(counting));
    if (second_vm != NULL && strcmp(second_vm, "before") == 0) {
        other = ioctl(kvm, KVM_CREATE_VM, 0);
        make_vcpus(kvm);
        if (ioctl(other, KVM_CREATE_VCPU, 0) < 0)
            fail("KVM_CREATE_VCPU");
    } else {
        make_vcpus(kvm);
        if (second_vm != NULL)
            make_second_vm(kvm);
    }
    if (gic_path != NULL)
        make_gic();
    close(kvm);
}

static int64_t nanoseconds(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return time.tv_sec * 1000000000ll + time.tv_nsec;
}

static int64_t now(void) { return nanoseconds(CLOCK_MONOTONIC); }

/* Nobody wakes it before the time is over, so that is an error. */
static void wait_until_woken(int milliseconds)
{
    static uint32_t never;
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    int64_t end = now() + milliseconds * 1000000ll;

    syscall(SYS_futex, &never, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, milliseconds ? &time : NULL, 0, 0);
    errors += now() < end;
}

#define ALLOW_CALL(number) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define LOAD(member) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define KILL BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)

static void install(struct sock_filter *instructions, size_t size)
{
    struct sock_fprog program = {size / sizeof(*instructions), instructions};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
        fail("seccomp");
}

/* What this thread may do from now on. */
static void be_filtered(int runs_vcpu)
{
    struct sock_filter no_exec[] = {
        LOAD(nr),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 3),
        LOAD(args[2]),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_filter other[] = {
        LOAD(nr), ALLOW_CALL(SYS_futex), ALLOW_CALL(SYS_write), ALLOW_CALL(SYS_exit_group),
        /* The kernel's own way of going on with a wait that anything interrupted. */
        ALLOW_CALL(SYS_restart_syscall), KILL,
    };
    struct sock_filter vcpu[] = {
        LOAD(nr), ALLOW_CALL(SYS_futex), ALLOW_CALL(SYS_write), ALLOW_CALL(SYS_exit_group),
        ALLOW_CALL(SYS_restart_syscall), ALLOW_CALL(SYS_rt_sigreturn),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 1, 0), KILL,
        LOAD(args[1]), ALLOW_CALL(KVM_RUN), ALLOW_CALL((uint32_t)KVM_GET_REG_LIST),
        ALLOW_CALL((uint32_t)KVM_GET_ONE_REG), ALLOW_CALL((uint32_t)KVM_GET_MP_STATE), KILL,
    };
    struct sock_filter devices[] = {
        LOAD(nr), ALLOW_CALL(SYS_futex), ALLOW_CALL(SYS_write), ALLOW_CALL(SYS_exit_group),
        ALLOW_CALL(SYS_restart_syscall), ALLOW_CALL(SYS_rt_sigreturn),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 1, 0), KILL,
        LOAD(args[1]), ALLOW_CALL(KVM_GET_DEVICE_ATTR), ALLOW_CALL(KVM_SET_DEVICE_ATTR), KILL,
    };
    struct sock_filter closed[] = {
        LOAD(nr), ALLOW_CALL(SYS_futex), ALLOW_CALL(SYS_write), ALLOW_CALL(SYS_exit_group),
        ALLOW_CALL(SYS_restart_syscall), ALLOW_CALL(SYS_rt_sigreturn),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 1, 0), KILL,
        LOAD(args[1]), ALLOW_CALL(KVM_RUN), KILL,
    };
    struct sock_filter trap[] = {
        LOAD(nr),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 3),
        LOAD(args[1]),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)KVM_GET_ONE_REG, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };

    if (filter == NO_EXEC)
        install(no_exec, sizeof(no_exec));
    else if (filter == TRAP)
        install(trap, sizeof(trap));
    else if (filter == SPLIT && !runs_vcpu)
        install(devices, sizeof(devices));
    else if (filter != NO_FILTER && !runs_vcpu)
        install(other, sizeof(other));
    else if (filter == MICROVM || filter == SPLIT)
        install(vcpu, sizeof(vcpu));
    else if (filter == CLOSED)
        install(closed, sizeof(closed));
}

static void *run_vcpu(void *argument)
{
    int index = (int)(intptr_t)argument;
    uint64_t seed = index * 1000;
    int64_t answered = 0;
    long result;

    if (counts != NULL)
        block_signal(SIGABRT);
    be_filtered(1);
    while (!stop) {
        errors += checked_call(vcpus[index], KVM_RUN, 0, &result, seed++);
        checks++;
        if (result < 0 && result != -EINTR) {
            fprintf(stderr, "KVM_RUN: %ld\n", result);
            exit(3);
        }
        if (result < 0 || runs[index]->exit_reason != KVM_EXIT_MMIO)
            continue;
        if (mmio_milliseconds > 0)
            wait_until_woken(mmio_milliseconds);
        if (mmio_is_half) {
            /* The thread's own time: what it stood still for somebody else does not count. */
            wait_until_woken(1 + (nanoseconds(CLOCK_THREAD_CPUTIME_ID) - answered) / 2000000);
            answered = nanoseconds(CLOCK_THREAD_CPUTIME_ID);
        }
    }
    stopped++;
    for (;;)
        wait_until_woken(0);
    return NULL;
}

static void *check(void *argument)
{
    uint64_t seed = (uintptr_t)argument << 32;

    be_filtered(0);
    for (;;) {
        errors += (sve ? checked_long_spin : checked_spin)(100000, 0, 0, 0, seed++);
        checks++;
        if (filter == NO_FILTER)
            usleep(1000);
    }
    return NULL;
}

/*
 * One long sequence. The kernel clears rseq_cs when it finds the thread elsewhere; then it does not begin the
 * sequence anew. 0: it was not interrupted. 1: it was, and has been begun anew. 2: it was, and has not.
 */
static int sequence(struct rseq *own)
{
    static struct rseq_cs descriptor __attribute__((aligned(32)));
    uint64_t left = 1000000, seen;
    int result;

    asm volatile("   adr  %[seen], 1f\n"
                 "   str  %[seen], [%[descriptor], #8]\n"
                 "   mov  %[seen], #3f - 1f\n"
                 "   str  %[seen], [%[descriptor], #16]\n"
                 "   adr  %[seen], 4f\n"
                 "   str  %[seen], [%[descriptor], #24]\n"
                 "   str  %[descriptor], [%[own], #8]\n"
                 "1: subs %[left], %[left], #1\n"
                 "   b.ne 1b\n"
                 "   ldr  %[seen], [%[own], #8]\n"
                 "   cbz  %[seen], 2f\n"
                 "   mov  %w[result], #0\n"
                 "   b    3f\n"
                 "2: mov  %w[result], #2\n"
                 "3: b    5f\n"
                 "   .inst %c[signature]\n"
                 "4: mov  %w[result], #1\n"
                 "5:\n"
                 : [left] "+r"(left), [seen] "=&r"(seen), [result] "=&r"(result)
                 : [own] "r"(own), [descriptor] "r"(&descriptor), [signature] "i"(RSEQ_SIG)
                 : "memory", "cc");
    return result;
}

static void *be_in_sequences(void *argument)
{
    struct rseq *own = (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);

    if (__rseq_size == 0)
        fail("rseq");
    for (;;) {
        int result = sequence(own);

        errors += result == 2;
        checks += result == 1;
    }
    return argument;
}

static void *wait_for_child(void *argument)
{
    pid_t child = vfork();

    if (child == 0) {
        sleep((uintptr_t)argument);
        _exit(0);
    }
    for (;;)
        pause();
    return NULL;
}

static void *nothing(void *argument)
{
    wait_until_woken(1 + (int)(uintptr_t)argument % 5);
    return NULL;
}

static void *come_and_go(void *argument)
{
    for (uintptr_t n = 0;; n++) {
        pthread_t threads[4];

        for (int i = 0; i < 4; i++)
            if (pthread_create(&threads[i], NULL, nothing, (void *)(n + i)) != 0)
                fail("pthread_create");
        for (int i = 0; i < 4; i++)
            pthread_join(threads[i], NULL);
    }
    return argument;
}

static void start(void *(*body)(void *), uintptr_t argument)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, body, (void *)argument) != 0)
        fail("pthread_create");
}

/* A line for each register: vCPU, id, and its value or the error number. */
static void dump(const char *path)
{
    static struct {
        struct kvm_reg_list head;
        uint64_t ids[4096];
    } list;
    FILE *file = fopen(path, "w");

    for (int index = 0; index < vcpu_count; index++) {
        list.head.n = 4096;
        if (ioctl(vcpus[index], KVM_GET_REG_LIST, &list) < 0)
            fail("KVM_GET_REG_LIST");
        for (uint64_t i = 0; i < list.head.n; i++) {
            uint8_t value[256];
            struct kvm_one_reg reg = {list.head.reg[i], (uintptr_t)value};
            int size = 1 << (reg.id >> 52 & 15), result = ioctl(vcpus[index], KVM_GET_ONE_REG, &reg);

            fprintf(file, "%d %016llx ", index, (unsigned long long)reg.id);
            for (int byte = size - 1; result >= 0 && byte >= 0; byte--)
                fprintf(file, "%02x", value[byte]);
            fprintf(file, result < 0 ? "errno %d\n" : "\n", errno);
        }
    }
    fclose(file);
}

/* What reading all registers takes here, in nanoseconds: the least of a few times. */
static long floor_of_reading(void)
{
    static struct {
        struct kvm_reg_list head;
        uint64_t ids[4096];
    } list;
    long least = 1l << 62;

    for (int times = 0; times < 5; times++) {
        int64_t begin = now();
        uint8_t value[256];
        long took;

        for (int index = 0; index < vcpu_count; index++) {
            list.head.n = 4096;
            ioctl(vcpus[index], KVM_GET_REG_LIST, &list);
            for (uint64_t i = 0; i < list.head.n; i++) {
                struct kvm_one_reg reg = {list.head.reg[i], (uintptr_t)value};

                ioctl(vcpus[index], KVM_GET_ONE_REG, &reg);
            }
        }
        took = now() - begin;
        least = took < least ? took : least;
    }
    return least;
}

static void map_no_more(void)
{
    struct rlimit limit;
    unsigned long pages;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file == NULL || fscanf(file, "%lu", &pages) != 1)
        fail("statm");
    fclose(file);
    limit.rlim_cur = limit.rlim_max = pages * sysconf(_SC_PAGESIZE);
    setrlimit(RLIMIT_AS, &limit);
    if (mmap(NULL, 1 << 18, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
        fail("mmap");
}

/* Waits for ever with the stack pointer at the lowest address of a mapping. */
static void wait_without_stack(void)
{
    long size = sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (pages == MAP_FAILED || mprotect(pages + size, size, PROT_READ | PROT_WRITE) < 0)
        fail("mmap");
    asm volatile("   mov sp, %[stack]\n"
                 "1: mov x0, #0\n"
                 "   mov x1, #0\n"
                 "   mov x2, #0\n"
                 "   mov x3, #0\n"
                 "   mov x4, #0\n"
                 "   mov x8, %[ppoll]\n"
                 "   svc #0\n"
                 "   b   1b\n"
                 :
                 : [stack] "r"(pages + size), [ppoll] "i"(SYS_ppoll)
                 : "x0", "x1", "x2", "x3", "x4", "x8", "memory");
}

/* Keeps the descriptors, and waits for ever. */
static void become_aarch32(void)
{
    static const struct {
        Elf32_Ehdr header;
        Elf32_Phdr segment;
        uint32_t code[3];
    } program = {
        .header = {
            .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
            .e_type = ET_EXEC,
            .e_machine = EM_ARM,
            .e_version = EV_CURRENT,
            .e_entry = 0x10000 + sizeof(Elf32_Ehdr) + sizeof(Elf32_Phdr),
            .e_phoff = sizeof(Elf32_Ehdr),
            .e_flags = EF_ARM_EABI_VER5,
            .e_ehsize = sizeof(Elf32_Ehdr),
            .e_phentsize = sizeof(Elf32_Phdr),
            .e_phnum = 1,
        },
        .segment = {
            .p_type = PT_LOAD,
            .p_vaddr = 0x10000,
            .p_filesz = sizeof(program),
            .p_memsz = sizeof(program),
            .p_flags = PF_R | PF_X,
            .p_align = 0x1000,
        },
        .code = {
            0xe3a0701d, /* mov r7, #29 (pause) */
            0xef000000, /* svc #0              */
            0xeafffffc, /* b   .-8             */
        },
    };
    char *arguments[] = {"aarch32", NULL};
    int file = memfd_create("aarch32", MFD_CLOEXEC);

    if (file < 0 || write(file, &program, sizeof(program)) != sizeof(program))
        fail("memfd");
    fcntl(vm, F_SETFD, 0);
    for (int index = 0; index < vcpu_count; index++)
        fcntl(vcpus[index], F_SETFD, 0);
    fexecve(file, arguments, arguments + 1);
    fail("execve");
}

static void ignore(int signal)
{
    (void)signal;
}

/* The numbers that come to a thread are those from 1. */
static void receive(int signal, siginfo_t *info, void *context)
{
    static __thread int last;

    (void)signal, (void)context;
    errors += info->si_value.sival_int != ++last;
    received++;
}

static void receive_abort(int signal, siginfo_t *info, void *context)
{
    static _Atomic pid_t first;

    (void)signal, (void)context;
    if (first == 0)
        first = info->si_pid;
    errors += info->si_code != SI_USER || info->si_pid != first;
    received++;
}

static void count_aborts(void)
{
    struct sigaction action = {.sa_sigaction = receive_abort, .sa_flags = SA_SIGINFO | SA_RESTART};

    sigaction(SIGABRT, &action, NULL);
}

static void count(int signal)
{
    counts[signal]++;
}

enum { COUNTED = 4 };

static int counted_signal(int index)
{
    const int numbers[COUNTED] = {SIGABRT, SIGFPE, SIGUSR2, SIGRTMIN + 4};

    return numbers[index];
}

static void *wait_for_traps(void *argument)
{
    sigset_t only;
    int signal;

    sigemptyset(&only);
    sigaddset(&only, SIGTRAP);
    for (;;)
        if (sigwait(&only, &signal) == 0)
            count(signal);
    return argument;
}

/* Before there are other threads. */
static void count_signals(const char *path)
{
    struct sigaction action = {.sa_handler = count, .sa_flags = SA_RESTART};
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (file < 0 || ftruncate(file, NSIG * sizeof(*counts)) < 0)
        fail(path);
    counts = mmap(NULL, NSIG * sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (counts == MAP_FAILED)
        fail(path);
    close(file);
    for (int n = 0; n < COUNTED; n++)
        sigaction(counted_signal(n), &action, NULL);
    block_signal(SIGTRAP);
    start(wait_for_traps, 0);
}

static void *send_signals(void *argument)
{
    for (int number = 1;; number++) {
        int before = received;
        union sigval value = {.sival_int = number};
        int64_t end = now() + 120000000000ll;

        for (int index = 0; index < vcpu_count; index++)
            if (pthread_sigqueue(vcpu_threads[index], SIGRTMIN + 2, value) != 0)
                fail("pthread_sigqueue");
        while (received < before + vcpu_count && now() < end)
            wait_until_woken(1);
        errors += received != before + vcpu_count;
    }
    return argument;
}

static void prepare_signals(void)
{
    struct sigaction action = {.sa_sigaction = receive, .sa_flags = SA_SIGINFO};

    sigaction(SIGRTMIN + 2, &action, NULL);
    block_signal(SIGRTMIN + 3);
    raise(SIGRTMIN + 3);
}

static void stop_vcpus(void)
{
    stop = 1;
    for (int index = 0; index < vcpu_count; index++)
        runs[index]->immediate_exit = 1;
    while (stopped < vcpu_count) {
        for (int index = 0; index < vcpu_count; index++)
            pthread_kill(vcpu_threads[index], SIGUSR1);
        wait_until_woken(1);
    }
}

static void beat(uint64_t number)
{
    char line[2048];
    int length = sprintf(line, "beat %llu: errors %llu checks %llu signals %d guest",
                         (unsigned long long)number, (unsigned long long)errors,
                         (unsigned long long)checks, received);

    for (int index = 0; index < vcpu_count; index++)
        length += sprintf(line + length, " %llu",
                          (unsigned long long)memory[(COUNTERS + 64 * index) / 8]);
    line[length++] = '\n';
    if (write(1, line, length) != length)
        _exit(4);
}

static enum filter filter_named(const char *name)
{
    if (strcmp(name, "microvm") == 0)
        return MICROVM;
    if (strcmp(name, "split") == 0)
        return SPLIT;
    if (strcmp(name, "closed") == 0)
        return CLOSED;
    if (strcmp(name, "noexec") == 0)
        return NO_EXEC;
    if (strcmp(name, "trap") == 0)
        return TRAP;
    exit(64);
}

int main(int count, char **arguments)
{
    uint64_t beats = ~0ull;
    int checkers = 1, churn = 0, block = 0, signals = 0, sequences = 0, vfork_seconds = 0, no_memory = 0;
    int no_stack = 0, other_code = 0, aborts = 0;
    const char *dump_path = NULL, *counted = NULL;
    struct sigaction action = {.sa_handler = ignore};

    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "--vcpus") == 0)
            vcpu_count = atoi(arguments[++i]);
        else if (strcmp(arguments[i], "--beats") == 0)
            beats = strtoull(arguments[++i], NULL, 0);
        else if (strcmp(arguments[i], "--checkers") == 0)
            checkers = atoi(arguments[++i]);
        else if (strcmp(arguments[i], "--dump") == 0)
            dump_path = arguments[++i];
        else if (strcmp(arguments[i], "--sve") == 0)
            sve = (getauxval(AT_HWCAP) & HWCAP_SVE) != 0;
        else if (strcmp(arguments[i], "--filter") == 0)
            filter = filter_named(arguments[++i]);
        else if (strcmp(arguments[i], "--mmio") == 0) {
            mmio_is_half = strcmp(arguments[++i], "half") == 0;
            mmio_milliseconds = atoi(arguments[i]);
        }
        else if (strcmp(arguments[i], "--aarch32") == 0)
            aarch32 = 1;
        else if (strcmp(arguments[i], "--idle") == 0)
            idle = 1;
        else if (strcmp(arguments[i], "--uninitialized") == 0)
            uninitialized = 1;
        else if (strcmp(arguments[i], "--gic") == 0)
            gic_path = arguments[++i];
        else if (strcmp(arguments[i], "--second-vm") == 0)
            second_vm = arguments[++i];
        else if (strcmp(arguments[i], "--signals") == 0)
            signals = 1;
        else if (strcmp(arguments[i], "--aborts") == 0)
            aborts = 1;
        else if (strcmp(arguments[i], "--counted") == 0)
            counted = arguments[++i];
        else if (strcmp(arguments[i], "--vfork") == 0)
            vfork_seconds = atoi(arguments[++i]);
        else if (strcmp(arguments[i], "--no-memory") == 0)
            no_memory = 1;
        else if (strcmp(arguments[i], "--no-stack") == 0)
            no_stack = 1;
        else if (strcmp(arguments[i], "--become-aarch32") == 0)
            other_code = 1;
        else if (strcmp(arguments[i], "--sequences") == 0)
            sequences = 1;
        else if (strcmp(arguments[i], "--churn") == 0)
            churn = 1;
        else if (strcmp(arguments[i], "--block") == 0)
            block = 1;
        else
            return 64;
    }
    sigaction(SIGUSR1, &action, NULL);
    if (block) {
        sigset_t all;

        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, NULL);
    }
    if (signals)
        prepare_signals();
    if (aborts)
        count_aborts();
    if (counted != NULL)
        count_signals(counted);
    make_vm();
    if (no_stack)
        wait_without_stack();
    if (other_code)
        become_aarch32();
    for (intptr_t index = 0; index < vcpu_count; index++)
        if (pthread_create(&vcpu_threads[index], NULL, run_vcpu, (void *)index) != 0)
            fail("pthread_create");
    for (int n = 0; n < checkers; n++)
        start(sequences ? be_in_sequences : check, n + 1);
    if (churn)
        start(come_and_go, 0);
    if (signals)
        start(send_signals, 0);
    if (vfork_seconds > 0)
        start(wait_for_child, vfork_seconds);
    /* Left to others: a wait that is interrupted ends. */
    if (aborts)
        block_signal(SIGABRT);
    for (int n = 0; counts != NULL && n < COUNTED; n++)
        block_signal(counted_signal(n));
    /* Threads need more calls while they start. */
    wait_until_woken(200);
    if (no_memory)
        map_no_more();
    if (dump_path == NULL)
        be_filtered(0);
    for (uint64_t number = 1; number <= beats; number++) {
        wait_until_woken(100);
        if (number == 3 && dump_path != NULL) {
            stop_vcpus();
            dump(dump_path);
            if (gic_path != NULL)
                dump_gic();
            fprintf(stderr, "floor: %ld us\n", floor_of_reading() / 1000);
            be_filtered(0);
        }
        beat(number);
    }
    _exit(errors != 0);
}
