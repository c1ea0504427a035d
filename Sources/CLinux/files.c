#define _GNU_SOURCE
#include "CLinuxFiles.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static int kind_of(const struct stat *status)
{
    if (S_ISREG(status->st_mode))
        return CLINUX_FILE_REGULAR;
    return S_ISDIR(status->st_mode) ? CLINUX_FILE_DIRECTORY : CLINUX_FILE_OTHER;
}

static int open_checked(const char *path, int flags)
{
    int fd;

    do
        fd = open(path, flags | O_CLOEXEC | O_NOCTTY, 0);
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

int clinux_open_regular(const char *path, int writes)
{
    int fd = open_checked(path, (writes ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_NONBLOCK);
    int kind;

    if (fd < 0)
        return fd;
    kind = clinux_kind_of_descriptor(fd);
    if (kind == CLINUX_FILE_REGULAR)
        return fd;
    close(fd);
    if (kind < 0)
        return kind;
    return kind == CLINUX_FILE_DIRECTORY ? -EISDIR : -ESPIPE;
}

int clinux_duplicate(int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

    return copy < 0 ? -errno : copy;
}

int clinux_create_new(const char *path, unsigned permissions)
{
    int fd;

    do
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, permissions);
    while (fd < 0 && errno == EINTR);
    return fd < 0 ? -errno : fd;
}

int clinux_lock(int fd, int waits)
{
    int result;

    do
        result = flock(fd, LOCK_EX | (waits ? 0 : LOCK_NB));
    while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : 0;
}

static void fill(struct clinux_identity *identity, const struct stat *status)
{
    identity->device = status->st_dev;
    identity->inode = status->st_ino;
    identity->links = status->st_nlink;
}

int clinux_identity_of_descriptor(int fd, struct clinux_identity *identity)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return -errno;
    fill(identity, &status);
    return kind_of(&status);
}

int clinux_identity_of_path(const char *path, struct clinux_identity *identity)
{
    struct stat status;

    if (stat(path, &status) < 0)
        return -errno;
    fill(identity, &status);
    return kind_of(&status);
}

/* Who else than the owner may do what: the list that the mode alone does not tell of. */
static const char access_list[] = "system.posix_acl_access";
enum { LONGEST_ACCESS_LIST = 1 << 16 };

/* Returns whether the file has now what the other has, a list or none. */
static int copy_access_list(const char *from, int to)
{
    char list[LONGEST_ACCESS_LIST];
    ssize_t size = getxattr(from, access_list, list, sizeof(list));

    if (size >= 0)
        return fsetxattr(to, access_list, list, (size_t)size, 0) == 0;
    return errno == ENODATA || errno == EOPNOTSUPP;
}

int clinux_copy_permissions(const char *from, int to)
{
    struct stat old, new;
    mode_t mode;

    if (stat(from, &old) < 0 || fstat(to, &new) < 0)
        return -errno;
    mode = old.st_mode & 0777;
    /* Not everyone may give files away; the group can be kept more often than the owner. */
    if (old.st_uid != new.st_uid && fchown(to, old.st_uid, (gid_t)-1) < 0 && errno != EPERM)
        return -errno;
    if (old.st_gid != new.st_gid && fchown(to, (uid_t)-1, old.st_gid) < 0) {
        if (errno != EPERM)
            return -errno;
        mode &= ~(mode_t)S_IRWXG;
    }
    if (fchmod(to, mode) < 0)
        return -errno;
    if (copy_access_list(from, to))
        return 0;
    /* With a list the bits of the group are a mask of it. */
    return fchmod(to, mode & ~(mode_t)S_IRWXG) < 0 ? -errno : 0;
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

int clinux_terminal_width(int fd)
{
    struct winsize size;

    return ioctl(fd, TIOCGWINSZ, &size) < 0 ? 0 : size.ws_col;
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
