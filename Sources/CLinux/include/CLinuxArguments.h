/* What the program was called with. */
#ifndef CLINUX_ARGUMENTS_H
#define CLINUX_ARGUMENTS_H

/*
 * The argument of main() with that index, bytes of any kind; NULL beyond the last. That of index 0 is the
 * program's name. They come from the process's start, not from /proc, which need not be there.
 */
const char *_Nullable clinux_argument(int index);

#endif
