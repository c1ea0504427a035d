/*
 * A VMM to be attached to. Its guest counts; its threads check all of their registers all the time; ten
 * times a second it says how far the guest is and how many registers were not what they should be:
 *   beat 12: errors 0 checks 531 guest 81234 80012
 *
 * usage: vmm [--vcpus N] [--beats N] [--checkers N] [--sve] [--seccomp] [--churn] [--block] [--dump FILE]
 *   --beats N     end after that many (default: for ever), with status 1 if there were errors
 *   --checkers N  threads that do nothing but check (default 1); with --sve those of SVE too, if there are any
 *   --seccomp     every thread has a filter that kills, as strict as a microVM's
 *   --churn       threads come and go
 *   --block       all signals are blocked in all threads
 *   --dump FILE   stop the vCPUs at the third beat, and write what they hold, for ever the same; on
 *                 stderr, how long reading all of it takes: "floor: 812 us"
 */
#define _GNU_SOURCE
#include <asm/hwcap.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/kvm.h>
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
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MOST 64
#define MEMORY 0x100000
#define CODE 0x10000
#define COUNTERS 0x20000

uint64_t checked_call(int fd, unsigned long request, unsigned long argument, long *result,
                      uint64_t seed);
uint64_t checked_spin(uint64_t rounds, long a, long b, long c, uint64_t seed);
uint64_t checked_long_spin(uint64_t rounds, long a, long b, long c, uint64_t seed);

static int vm, vcpus[MOST], vcpu_count = 1, sve, strict;
static struct kvm_run *runs[MOST];
static volatile uint64_t *memory;
static _Atomic uint64_t errors, checks;
static _Atomic int stop, stopped;

static void fail(const char *what)
{
    perror(what);
    exit(3);
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

static void make_vcpu(int kvm, int index)
{
    static const uint32_t code[] = {
        0xf9400041, /* ldr x1, [x2]    */
        0x91000421, /* add x1, x1, #1  */
        0xf9000041, /* str x1, [x2]    */
        0x17fffffd, /* b   .-12        */
    };
    struct kvm_vcpu_init init;
    long size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    int vcpu = ioctl(vm, KVM_CREATE_VCPU, index);

    if (vcpu < 0 || ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init) < 0)
        fail("KVM_CREATE_VCPU");
    init.features[0] = 1u << KVM_ARM_VCPU_PSCI_0_2;
    if (ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_ARM_PMU_V3) > 0)
        init.features[0] |= 1u << KVM_ARM_VCPU_PMU_V3;
    if (ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_ARM_PTRAUTH_ADDRESS) > 0)
        init.features[0] |= 3u << KVM_ARM_VCPU_PTRAUTH_ADDRESS;
    if (ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_ARM_SVE) > 0)
        init.features[0] |= 1u << KVM_ARM_VCPU_SVE;
    if (ioctl(vcpu, KVM_ARM_VCPU_INIT, &init) < 0)
        fail("KVM_ARM_VCPU_INIT");
    if (init.features[0] & 1u << KVM_ARM_VCPU_SVE) {
        int feature = KVM_ARM_VCPU_SVE;

        if (ioctl(vcpu, KVM_ARM_VCPU_FINALIZE, &feature) < 0)
            fail("KVM_ARM_VCPU_FINALIZE");
    }
    if (init.features[0] & 1u << KVM_ARM_VCPU_PMU_V3) {
        struct kvm_device_attr attribute = {
            .group = KVM_ARM_VCPU_PMU_V3_CTRL, .attr = KVM_ARM_VCPU_PMU_V3_INIT};

        if (ioctl(vcpu, KVM_SET_DEVICE_ATTR, &attribute) < 0)
            fail("KVM_ARM_VCPU_PMU_V3_INIT");
    }
    runs[index] = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    if (runs[index] == MAP_FAILED)
        fail("mmap");
    memcpy((char *)memory + CODE, code, sizeof(code));
    for (int n = 3; n < 31; n++)
        set_register(vcpu, core(offsetof(struct kvm_regs, regs.regs[n])), 0x1111 * n + index);
    set_register(vcpu, core(offsetof(struct kvm_regs, regs.regs[2])), COUNTERS + 64 * index);
    set_register(vcpu, core(offsetof(struct kvm_regs, regs.pc)), CODE);
    set_register(vcpu, core(offsetof(struct kvm_regs, regs.pstate)), 0x3c5);
    vcpus[index] = vcpu;
}

static void make_vm(void)
{
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    struct kvm_userspace_memory_region region = {.memory_size = MEMORY};

    memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    vm = ioctl(kvm, KVM_CREATE_VM, 0);
    region.userspace_addr = (uintptr_t)memory;
    if (vm < 0 || ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
        fail("KVM_CREATE_VM");
    for (int index = 0; index < vcpu_count; index++)
        make_vcpu(kvm, index);
    close(kvm);
}

static void wait_until_woken(int milliseconds)
{
    static uint32_t never;
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};

    syscall(SYS_futex, &never, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, milliseconds ? &time : NULL, 0, 0);
}

static void *run_vcpu(void *argument)
{
    int index = (int)(intptr_t)argument;
    uint64_t seed = index * 1000;
    long result;

    while (!stop) {
        errors += checked_call(vcpus[index], KVM_RUN, 0, &result, seed++);
        checks++;
        if (result < 0 && result != -EINTR) {
            fprintf(stderr, "KVM_RUN: %ld\n", result);
            exit(3);
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

    for (;;) {
        errors += (sve ? checked_long_spin : checked_spin)(100000, 0, 0, 0, seed++);
        checks++;
        if (!strict)
            usleep(1000);
    }
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

#define ALLOW_CALL(number) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static void be_strict(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        ALLOW_CALL(SYS_rt_sigreturn),
        /* The kernel's own way of going on with a wait that anything interrupted. */
        ALLOW_CALL(SYS_restart_syscall),
        ALLOW_CALL(SYS_futex),
        ALLOW_CALL(SYS_write),
        ALLOW_CALL(SYS_exit),
        ALLOW_CALL(SYS_exit_group),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
        ALLOW_CALL(KVM_RUN),
        ALLOW_CALL((uint32_t)KVM_GET_REG_LIST),
        ALLOW_CALL((uint32_t)KVM_GET_ONE_REG),
        ALLOW_CALL((uint32_t)KVM_GET_MP_STATE),
        ALLOW_CALL((uint32_t)KVM_GET_VCPU_EVENTS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0)
        fail("seccomp");
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
        struct timespec begin, end;
        uint8_t value[256];
        long took;

        clock_gettime(CLOCK_MONOTONIC, &begin);
        for (int index = 0; index < vcpu_count; index++) {
            list.head.n = 4096;
            ioctl(vcpus[index], KVM_GET_REG_LIST, &list);
            for (uint64_t i = 0; i < list.head.n; i++) {
                struct kvm_one_reg reg = {list.head.reg[i], (uintptr_t)value};

                ioctl(vcpus[index], KVM_GET_ONE_REG, &reg);
            }
        }
        clock_gettime(CLOCK_MONOTONIC, &end);
        took = (end.tv_sec - begin.tv_sec) * 1000000000l + end.tv_nsec - begin.tv_nsec;
        least = took < least ? took : least;
    }
    return least;
}

static void ignore(int signal)
{
    (void)signal;
}

static void stop_vcpus(pthread_t *threads)
{
    stop = 1;
    for (int index = 0; index < vcpu_count; index++)
        runs[index]->immediate_exit = 1;
    while (stopped < vcpu_count) {
        for (int index = 0; index < vcpu_count; index++)
            pthread_kill(threads[index], SIGUSR1);
        wait_until_woken(1);
    }
}

static void beat(uint64_t number)
{
    char line[2048];
    int length = sprintf(line, "beat %llu: errors %llu checks %llu guest",
                         (unsigned long long)number, (unsigned long long)errors,
                         (unsigned long long)checks);

    for (int index = 0; index < vcpu_count; index++)
        length += sprintf(line + length, " %llu",
                          (unsigned long long)memory[(COUNTERS + 64 * index) / 8]);
    line[length++] = '\n';
    if (write(1, line, length) != length)
        _exit(4);
}

int main(int count, char **arguments)
{
    pthread_t threads[MOST];
    uint64_t beats = ~0ull;
    int checkers = 1, churn = 0, block = 0;
    const char *dump_path = NULL;
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
        else if (strcmp(arguments[i], "--seccomp") == 0)
            strict = 1;
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
    make_vm();
    for (intptr_t index = 0; index < vcpu_count; index++)
        if (pthread_create(&threads[index], NULL, run_vcpu, (void *)index) != 0)
            fail("pthread_create");
    for (int n = 0; n < checkers; n++)
        start(check, n + 1);
    if (churn)
        start(come_and_go, 0);
    /* Threads need more calls while they start. */
    wait_until_woken(200);
    if (strict)
        be_strict();
    for (uint64_t number = 1; number <= beats; number++) {
        wait_until_woken(100);
        if (number == 3 && dump_path != NULL) {
            stop_vcpus(threads);
            dump(dump_path);
            fprintf(stderr, "floor: %ld us\n", floor_of_reading() / 1000);
        }
        beat(number);
    }
    _exit(errors != 0);
}
