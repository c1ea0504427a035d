/// A regular file, opened once and locked: nobody else who locks it changes it meanwhile.
///
/// The lock (flock(2)) goes with the process that has it, however that ends. A file that is to be replaced, not
/// only changed, is locked as well: who waited for it finds that its name leads to another
/// file now, and takes that one.
package final class LockedFile {
    /// As it was given, for messages.
    package let name: String
    /// The same without links.
    package let path: String
    let file: FileDescriptor

    /// What the file is opened for.
    package enum Access: Hashable, Sendable {
        case reading, readingAndWriting
    }

    /// What there is to say of the lock.
    package enum Notice: Hashable, Sendable {
        /// Another process has it, and is waited for.
        case waiting
        /// The file system has no locks; the file is used without.
        case unlocked(Errno)
    }

    /// Opens a regular file and locks it, however long another process holds the lock.
    /// - Parameters:
    ///   - name: the path; a symbolic link is followed.
    ///   - notify: called at most once with each notice, before the wait for `waiting`.
    /// - Throws: step `open`, or `write` where permission for `readingAndWriting` is missing; `ESPIPE` for a pipe or
    ///   device.
    package init(
        _ name: String, for access: Access, notify: (Notice) -> Void = { _ in }
    ) throws(FileError) {
        var notices: Set<Notice> = []
        func say(_ notice: Notice) {
            if notices.insert(notice).inserted { notify(notice) }
        }
        while true {
            let path = try RealPath.of(name, for: .open)
            do throws(Errno) {
                let file = try FileDescriptor(openingRegular: path, for: access)
                do throws(Errno) {
                    if !(try file.lock()) {
                        say(.waiting)
                        try file.waitForLock()
                    }
                } catch {
                    say(.unlocked(error))
                }
                guard FileIdentity(of: file) == FileIdentity(of: path) else { continue }
                self.name = FileName.shown(name)
                self.path = path
                self.file = file
                return
            } catch {
                // Who may read it is not to be told to ask for that.
                let mayNot = error == .accessDenied || error == .notPermitted
                throw FileError(
                    access == .readingAndWriting && mayNot ? .write : .open, name, error)
            }
        }
    }

    /// Whether its name still leads to it; somebody who does not lock may have replaced it.
    package var isInPlace: Bool { FileIdentity(of: file) == FileIdentity(of: path) }

    /// Whether it has more names than one.
    package var hasOtherNames: Bool { FileIdentity(of: file).map { $0.links > 1 } ?? false }

    /// What comes next, at most `count` bytes; empty at the end.
    ///
    /// The corresponding C function is `read`.
    /// - Throws: what `read` fails with.
    package func read(upTo count: Int) throws(Errno) -> [UInt8] {
        try file.read(upTo: count)
    }

    /// Puts other bytes in place of everything from `start` on, and brings them to the disk.
    ///
    /// A crash or an error in the middle leaves a file that is neither the old nor the new one: what
    /// undoes the change must be on the disk before.
    /// - Throws: step `change`.
    package func replaceEnd(from start: Int64, with bytes: [UInt8]) throws(FileError) {
        do throws(Errno) {
            try file.write(bytes, at: start)
            try file.truncate(to: start + Int64(bytes.count))
            try file.synchronize()
        } catch {
            throw FileError(.change, name, error)
        }
    }
}
