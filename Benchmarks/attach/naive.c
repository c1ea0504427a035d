/*
 * What vcpusnap is compared with: every thread of a VMM is stopped, and each call for a vCPU is one single step
 * of one of them over an instruction `svc`.
 *
 * usage: naive PID TIMES
 * Prints the median pause: "naive: 12 times, 675 registers, 682 stops, 401234 us".
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <elf.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST 512
#define ROOM 2048

struct registers {
    uint64_t x[31], sp, pc, pstate;
};

static int process, threads[MOST], thread_count, vcpus[MOST], vcpu_count, stops, registers_read;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000ll + time.tv_nsec;
}

static void list(const char *folder, void (*found)(int number))
{
    char path[64];
    DIR *directory;
    struct dirent *entry;

    snprintf(path, sizeof(path), "/proc/%d/%s", process, folder);
    directory = opendir(path);
    if (directory == NULL)
        fail(path);
    while ((entry = readdir(directory)) != NULL)
        if (entry->d_name[0] != '.')
            found(atoi(entry->d_name));
    closedir(directory);
}

static void found_descriptor(int number)
{
    char path[64], target[64] = "";

    snprintf(path, sizeof(path), "/proc/%d/fd/%d", process, number);
    if (readlink(path, target, sizeof(target) - 1) > 0 && strncmp(target, "anon_inode:kvm-vcpu:", 20) == 0)
        vcpus[vcpu_count++] = number;
}

static void wait_for(int thread)
{
    int status;

    if (waitpid(thread, &status, __WALL) < 0 || !WIFSTOPPED(status))
        fail("waitpid");
    stops++;
}

static void found_thread(int number)
{
    if (ptrace(PTRACE_SEIZE, number, 0, 0) < 0 || ptrace(PTRACE_INTERRUPT, number, 0, 0) < 0)
        fail("PTRACE_SEIZE");
    threads[thread_count++] = number;
}

static void copy(int is_write, uint64_t address, void *buffer, size_t size)
{
    struct iovec local = {buffer, size}, remote = {(void *)address, size};
    ssize_t done = is_write ? process_vm_writev(process, &local, 1, &remote, 1, 0)
                            : process_vm_readv(process, &local, 1, &remote, 1, 0);

    if (done != (ssize_t)size)
        fail("process_vm_readv");
}

static void transfer(int request, struct registers *registers)
{
    struct iovec range = {registers, sizeof(*registers)};

    if (ptrace(request, threads[0], NT_PRSTATUS, &range) < 0)
        fail("PTRACE_GETREGSET");
}

/* An instruction `svc #0` of the vdso. */
static uint64_t find_call(void)
{
    char path[64], line[512];
    unsigned long start, end;
    uint32_t code[1024];
    FILE *maps;

    snprintf(path, sizeof(path), "/proc/%d/maps", process);
    maps = fopen(path, "r");
    while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
        if (strstr(line, "[vdso]") == NULL || sscanf(line, "%lx-%lx", &start, &end) != 2)
            continue;
        fclose(maps);
        copy(0, start, code, sizeof(code));
        for (int i = 0; i < 1024; i++)
            if (code[i] == 0xd4000001)
                return start + 4 * i;
    }
    fail("no svc in the vdso");
    return 0;
}

static int64_t call(const struct registers *before, uint64_t at, int vcpu, uint64_t request, uint64_t argument)
{
    struct registers registers = *before;
    int none = -1;
    struct iovec range = {&none, sizeof(none)};

    registers.x[8] = 29;
    registers.x[0] = vcpu;
    registers.x[1] = request;
    registers.x[2] = argument;
    registers.pc = at;
    if (ptrace(PTRACE_SETREGSET, threads[0], NT_ARM_SYSTEM_CALL, &range) < 0)
        fail("NT_ARM_SYSTEM_CALL");
    transfer(PTRACE_SETREGSET, &registers);
    if (ptrace(PTRACE_SINGLESTEP, threads[0], 0, 0) < 0)
        fail("PTRACE_SINGLESTEP");
    wait_for(threads[0]);
    transfer(PTRACE_GETREGSET, &registers);
    return (int64_t)registers.x[0];
}

static void read_all(const struct registers *before, uint64_t at)
{
    uint64_t buffer = (before->sp - 32768) & ~15ull, ids[ROOM + 1];

    for (int vcpu = 0; vcpu < vcpu_count; vcpu++) {
        ids[0] = ROOM;
        copy(1, buffer, ids, 8);
        if (call(before, at, vcpus[vcpu], KVM_GET_REG_LIST, buffer) < 0)
            fail("KVM_GET_REG_LIST");
        copy(0, buffer, ids, 8);
        copy(0, buffer, ids, 8 * (ids[0] + 1));
        for (uint64_t i = 1; i <= ids[0]; i++) {
            struct kvm_one_reg reg = {ids[i], buffer + 16};
            char value[256];

            copy(1, buffer, &reg, sizeof(reg));
            call(before, at, vcpus[vcpu], KVM_GET_ONE_REG, buffer);
            copy(0, buffer + 16, value, 1 << (ids[i] >> 52 & 15));
            registers_read++;
        }
    }
}

static int64_t attach_once(void)
{
    int64_t begin = now();
    struct registers before;

    thread_count = stops = registers_read = 0;
    list("task", found_thread);
    for (int i = 0; i < thread_count; i++)
        wait_for(threads[i]);
    transfer(PTRACE_GETREGSET, &before);
    read_all(&before, find_call());
    transfer(PTRACE_SETREGSET, &before);
    for (int i = 0; i < thread_count; i++)
        ptrace(PTRACE_DETACH, threads[i], 0, 0);
    return now() - begin;
}

static int compare(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

    return (a > b) - (a < b);
}

int main(int count, char **arguments)
{
    int64_t pauses[1000];
    int times;

    if (count != 3)
        return 64;
    process = atoi(arguments[1]);
    times = atoi(arguments[2]);
    if (times < 1 || times > 1000)
        return 64;
    list("fd", found_descriptor);
    for (int n = 0; n < times; n++)
        pauses[n] = attach_once();
    qsort(pauses, times, sizeof(pauses[0]), compare);
    printf("naive: %d times, %d registers, %d stops, %lld us\n", times, registers_read, stops,
           (long long)pauses[times / 2] / 1000);
    return 0;
}
