#define _GNU_SOURCE
#include "CLinuxFiles.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_checked(const char *path, int flags)
{
    int fd;

    do
        fd = open(path, flags | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    return fd < 0 ? -errno : fd;
}

int clinux_open_read(const char *path)
{
    return open_checked(path, O_RDONLY);
}

int clinux_open_read_write(const char *path)
{
    return open_checked(path, O_RDWR);
}

int clinux_open_write(const char *path)
{
    return open_checked(path, O_WRONLY);
}

int clinux_open_directory(const char *path)
{
    return open_checked(path, O_RDONLY | O_DIRECTORY);
}

int clinux_duplicate(int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

    return copy < 0 ? -errno : copy;
}

int clinux_create_temporary(char *name_template, unsigned permissions)
{
    int fd = mkostemp(name_template, O_CLOEXEC);
    int error;

    if (fd < 0)
        return -errno;
    if (fchmod(fd, permissions) == 0)
        return fd;
    error = errno;
    close(fd);
    unlink(name_template);
    return -error;
}

int64_t clinux_read(int fd, void *buffer, size_t count)
{
    ssize_t done;

    do
        done = read(fd, buffer, count);
    while (done < 0 && errno == EINTR);
    return done < 0 ? -errno : done;
}

int64_t clinux_write(int fd, const void *buffer, size_t count)
{
    ssize_t done;

    do
        done = write(fd, buffer, count);
    while (done < 0 && errno == EINTR);
    return done < 0 ? -errno : done;
}

int64_t clinux_read_at(int fd, void *buffer, size_t count, int64_t offset)
{
    ssize_t done;

    do
        done = pread(fd, buffer, count, offset);
    while (done < 0 && errno == EINTR);
    return done < 0 ? -errno : done;
}

int64_t clinux_write_at(int fd, const void *buffer, size_t count, int64_t offset)
{
    ssize_t done;

    do
        done = pwrite(fd, buffer, count, offset);
    while (done < 0 && errno == EINTR);
    return done < 0 ? -errno : done;
}

int64_t clinux_size_of_descriptor(int fd)
{
    struct stat status;

    return fstat(fd, &status) < 0 ? -errno : status.st_size;
}

int clinux_truncate(int fd, int64_t size)
{
    int result;

    do
        result = ftruncate(fd, size);
    while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : 0;
}

int64_t clinux_next_data(int fd, int64_t offset)
{
    off_t found = lseek(fd, offset, SEEK_DATA);

    return found < 0 ? -errno : found;
}

int64_t clinux_next_hole(int fd, int64_t offset)
{
    off_t found = lseek(fd, offset, SEEK_HOLE);

    return found < 0 ? -errno : found;
}

int64_t clinux_copy_range(int from, int64_t from_offset, int to, int64_t to_offset, size_t count)
{
    off_t source = from_offset, target = to_offset;
    ssize_t done;

    do
        done = copy_file_range(from, &source, to, &target, count, 0);
    while (done < 0 && errno == EINTR);
    return done < 0 ? -errno : done;
}

int64_t clinux_send_file(int to, int from, int64_t from_offset, size_t count)
{
    off_t source = from_offset;
    ssize_t done;

    do
        done = sendfile(to, from, &source, count);
    while (done < 0 && errno == EINTR);
    return done < 0 ? -errno : done;
}

int clinux_close(int fd)
{
    return close(fd) < 0 ? -errno : 0;
}

int clinux_fsync(int fd)
{
    int result;

    do
        result = fsync(fd);
    while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : 0;
}

int clinux_rename(const char *from, const char *to)
{
    return rename(from, to) < 0 ? -errno : 0;
}

int clinux_unlink(const char *path)
{
    return unlink(path) < 0 ? -errno : 0;
}

static int kind_of(const struct stat *status)
{
    if (S_ISREG(status->st_mode))
        return CLINUX_FILE_REGULAR;
    return S_ISDIR(status->st_mode) ? CLINUX_FILE_DIRECTORY : CLINUX_FILE_OTHER;
}

int clinux_kind_of_descriptor(int fd)
{
    struct stat status;

    return fstat(fd, &status) < 0 ? -errno : kind_of(&status);
}

int clinux_kind_of_path(const char *path)
{
    struct stat status;

    return stat(path, &status) < 0 ? -errno : kind_of(&status);
}

int clinux_real_path(const char *path, char **resolved)
{
    *resolved = realpath(path, NULL);
    return *resolved == NULL ? -errno : 0;
}

void clinux_free(void *memory)
{
    free(memory);
}

int clinux_folder_names(const char *path, void (*each)(void *, const char *), void *context)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    int error;

    if (folder == NULL)
        return -errno;
    for (errno = 0; (entry = readdir(folder)) != NULL; errno = 0) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            each(context, entry->d_name);
    }
    error = errno;
    closedir(folder);
    return -error;
}

int clinux_is_terminal(int fd)
{
    return isatty(fd) ? 1 : 0;
}

int clinux_map_shared(int fd, size_t size, void **address)
{
    void *result = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (result == MAP_FAILED)
        return -errno;
    *address = result;
    return 0;
}

int clinux_unmap(void *address, size_t size)
{
    return munmap(address, size) < 0 ? -errno : 0;
}
