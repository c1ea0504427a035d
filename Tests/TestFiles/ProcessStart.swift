public import Foundation

extension Process {
    /// Starts it with no signal blocked, as a shell would.
    ///
    /// A child has its signal mask from the thread that starts it, and the threads on which tests run block most
    /// signals: SIGTERM would not end the program, and a shell's `wait` would never hear of SIGCHLD.
    public func start() throws {
        var (none, before) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try run()
    }
}
