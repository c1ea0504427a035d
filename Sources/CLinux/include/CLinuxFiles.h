/* Files, descriptors and memory mappings. */
#ifndef CLINUX_FILES_H
#define CLINUX_FILES_H

#include <stddef.h>
#include <stdint.h>

/* What kind of object a path or descriptor names. */
enum clinux_file_kind {
    CLINUX_FILE_REGULAR = 0,
    CLINUX_FILE_DIRECTORY = 1,
    CLINUX_FILE_OTHER = 2, /* a device, pipe or socket */
};

/* open(2) is variadic. The file is opened close-on-exec, for reading from its start. */
int clinux_open_read(const char *_Nonnull path);

/* open(2) for reading and writing an object that exists already: a device such as /dev/kvm. */
int clinux_open_read_write(const char *_Nonnull path);

/* open(2) for writing, without creating or truncating: a pipe, a device, /dev/stdout. */
int clinux_open_write(const char *_Nonnull path);

/* open(2) of a directory, to fsync the names in it. */
int clinux_open_directory(const char *_Nonnull path);

/* fcntl(2) is variadic. F_DUPFD_CLOEXEC: a descriptor of its own for what `fd` has open. */
int clinux_duplicate(int fd);

/*
 * open(2) of a regular file, for reading or for both, that is never waited for: a pipe is -ESPIPE, a symbolic
 * link -ELOOP, a directory -EISDIR.
 */
int clinux_open_regular(const char *_Nonnull path, int writes);

/*
 * open(2) of a new file for writing, with what the umask leaves of the permissions; -EEXIST where there is
 * anything of that name, be it a link.
 */
int clinux_create_new(const char *_Nonnull path, unsigned permissions);

/*
 * flock(2): the lock is of what the descriptor has open, and goes with its last copy, however its process
 * ends. -EWOULDBLOCK where another has it and this one is not to wait.
 */
int clinux_lock(int fd, int waits);

/* Which file it is, whatever its names. */
struct clinux_identity {
    uint64_t device;
    uint64_t inode;
    uint64_t links; /* how many names it has; 0 once it has lost the last */
};

/* fstat(2) and stat(2), following links: the kind of object, as below, and which one it is. */
int clinux_identity_of_descriptor(int fd, struct clinux_identity *_Nonnull identity);
int clinux_identity_of_path(const char *_Nonnull path, struct clinux_identity *_Nonnull identity);

/*
 * Gives a file the owner, group, permissions and access list of another. Where the group or the list cannot
 * be given, the group gets no permission, so that nobody can do what he could not with the other.
 */
int clinux_copy_permissions(const char *_Nonnull from, int to);

/* read(2), repeated while a signal interrupts it before any byte; the count fits an int64_t. */
int64_t clinux_read(int fd, void *_Nonnull buffer, size_t count);

/* write(2), repeated while a signal interrupts it before any byte; may write less than asked. */
int64_t clinux_write(int fd, const void *_Nonnull buffer, size_t count);

/* pread(2), repeated while a signal interrupts it before any byte; the count fits an int64_t. */
int64_t clinux_read_at(int fd, void *_Nonnull buffer, size_t count, int64_t offset);

/* pwrite(2), as clinux_write. */
int64_t clinux_write_at(int fd, const void *_Nonnull buffer, size_t count, int64_t offset);

/* fstat(2): st_size in bytes; struct stat differs by architecture. */
int64_t clinux_size_of_descriptor(int fd);

/* ftruncate(2). */
int clinux_truncate(int fd, int64_t size);

/*
 * lseek(2) with SEEK_DATA and SEEK_HOLE, which are hidden behind _GNU_SOURCE: the first offset from
 * `offset` on that has data, or that lies in a hole. -ENXIO beyond the last data, or the file.
 */
int64_t clinux_next_data(int fd, int64_t offset);
int64_t clinux_next_hole(int fd, int64_t offset);

/*
 * copy_file_range(2), hidden behind _GNU_SOURCE: copies inside the kernel, and shares blocks where the
 * file system can. Returns how many bytes were copied, 0 at the end of the source.
 */
int64_t clinux_copy_range(int from, int64_t from_offset, int to, int64_t to_offset, size_t count);

/* sendfile(2) from an offset: as clinux_copy_range, to a descriptor at its own position. */
int64_t clinux_send_file(int to, int from, int64_t from_offset, size_t count);

/* close(2). Linux releases the descriptor even when it reports an error: never repeated. */
int clinux_close(int fd);

/* fsync(2). */
int clinux_fsync(int fd);

/* rename(2). */
int clinux_rename(const char *_Nonnull from, const char *_Nonnull to);

/* unlink(2). */
int clinux_unlink(const char *_Nonnull path);

/* fstat(2): an enum clinux_file_kind. struct stat and its macros differ by architecture. */
int clinux_kind_of_descriptor(int fd);

/* stat(2), following links: an enum clinux_file_kind. */
int clinux_kind_of_path(const char *_Nonnull path);

/* realpath(3) with the errno convention of this module; *resolved is NULL on failure. */
int clinux_real_path(const char *_Nonnull path, char *_Nullable *_Nonnull resolved);

/* free(3), for what clinux_real_path gave; Swift modules import no libc of their own. */
void clinux_free(void *_Nullable memory);

/*
 * The names in a folder, but . and .., in the kernel's order: each is given to `each` with `context`.
 * Returns 0 or -errno (opendir(3), readdir(3)).
 */
int clinux_folder_names(const char *_Nonnull path,
                        void (*_Nonnull each)(void *_Nullable context, const char *_Nonnull name),
                        void *_Nullable context);

/* isatty(3): 1 for a terminal, 0 for anything else. */
int clinux_is_terminal(int fd);

/* TIOCGWINSZ: the columns of a terminal; 0 where it does not tell. */
int clinux_terminal_width(int fd);

/*
 * mmap(2) of a descriptor, shared, for reading and writing. MAP_FAILED is a cast Swift cannot
 * import; the address goes to *address and the result is 0 or -errno.
 */
int clinux_map_shared(int fd, size_t size, void *_Nullable *_Nonnull address);

/* munmap(2). */
int clinux_unmap(void *_Nonnull address, size_t size);

#endif
