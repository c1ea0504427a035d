#include "parts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { INITRD_ROOM = 8 << 20, DEVICE_TREE_ROOM = 2 << 20 };

/* Reads a file to guest memory; its size, or -1. */
static ssize_t read_file(const char *path, uint8_t *to, size_t room)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    size_t size = 0;
    ssize_t count = -1;

    while (file >= 0 && (count = read(file, to + size, room - size)) > 0)
        size += count;
    if (file >= 0)
        close(file);
    if (count == 0 && size == room)
        errno = EFBIG;
    return count < 0 || size == room ? -1 : (ssize_t)size;
}

/* The header of a file in an archive in cpio's "newc" format, and the file's name; the number of bytes. */
static size_t archive_header(uint8_t *to, const char *name, uint32_t mode, size_t size)
{
    size_t length = sprintf((char *)to, "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x%s", 1, mode, 0, 0, 1, 0,
        size, 0, 0, 0, 0, strlen(name) + 1, 0, name) + 1;

    return (length + 3) & ~3ul;
}

/* An archive of one program, to begin with; its size, or -1. */
static ssize_t initrd(uint8_t *to, const char *program)
{
    struct stat status;
    size_t size;
    ssize_t count;

    if (stat(program, &status) < 0)
        return -1;
    size = archive_header(to, "init", S_IFREG | 0755, status.st_size);
    count = read_file(program, to + size, INITRD_ROOM - DEVICE_TREE_ROOM - 4096);
    if (count != status.st_size)
        return -1;
    size += (count + 3) & ~3ul;
    return size + archive_header(to + size, "TRAILER!!!", 0, 0);
}

static int set_core(uint64_t index, uint64_t value)
{
    struct kvm_one_reg reg = {
        .id = KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | index, .addr = (uint64_t)&value};

    return ioctl(machine.vcpus[0], KVM_SET_ONE_REG, &reg);
}

int linux_vmm_load(const char *kernel, const char *program, const char *arguments)
{
    uint64_t tree = machine.memory_size - DEVICE_TREE_ROOM, archive = machine.memory_size - INITRD_ROOM;
    ssize_t size;

    if (read_file(kernel, machine.memory, archive) < 0 || (size = initrd(machine.memory + archive, program)) < 0)
        return -1;
    device_tree(machine.memory + tree, arguments, MEMORY + archive, size);
    if (set_core(KVM_REG_ARM_CORE_REG(regs.regs[0]), MEMORY + tree) < 0)
        return -1;
    return set_core(KVM_REG_ARM_CORE_REG(regs.pc), MEMORY);
}
