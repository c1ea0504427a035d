/* Files that are to go when a signal ends the program. */
#ifndef CLINUX_TEMPORARIES_H
#define CLINUX_TEMPORARIES_H

/*
 * Remembers the name of a file that is about to be made. Returns a number for clinux_forget_temporary,
 * -EAGAIN where too many are remembered, -ENAMETOOLONG.
 */
int clinux_remember_temporary(const char *_Nonnull path);

/* The file has got its final name, or has been removed. A negative number is nothing. */
void clinux_forget_temporary(int place);

/*
 * sigaction(2), whose structure has a union: from now on a signal that ends the program first removes the
 * files remembered. For programs, not for libraries: it changes what signals do.
 */
void clinux_remove_temporaries_on_signals(void);

#endif
