internal import CLinux

/// A new file under a name nobody else has, which is removed again unless it gets its final name.
///
/// It is locked as long as it is open, so that others can tell one that is being written from one that a program
/// left behind when it was killed. Signals that end the program remove it
/// (`TemporaryFiles.removeOnSignals`).
struct TemporaryFile: ~Copyable {
    let file: FileDescriptor
    private let path: String
    private let place: Int32
    private var isTemporary = true

    /// A new, empty file, open for writing.
    /// - Parameter replaced: what it will take the place of, whose permissions it may get.
    static func make(
        in directory: String, _ access: AtomicFile.Access = .secret, of replaced: String? = nil
    ) throws(Errno) -> TemporaryFile {
        removeLeftovers(in: directory)
        let isThere = replaced.map { FileIdentity(of: $0) != nil } ?? false
        let original = access != .secret && isThere ? replaced : nil
        let isOpen = access == .open && original == nil
        for _ in 0..<maximumTries {
            let made = try create(
                directory + "/" + newName(), permissions: isOpen ? 0o666 : 0o600)
            guard try made.isOurs() else { continue }
            if let original { try made.copyPermissions(of: original) }
            return made
        }
        throw .busy
    }

    private static func create(
        _ path: String, permissions: UInt32
    ) throws(Errno) -> TemporaryFile {
        // Before it is there: a signal may come at any time.
        let place = FileName.withBytes(of: path, clinux_remember_temporary)
        do throws(Errno) {
            let file = try FileDescriptor(creating: path, permissions: permissions)
            return TemporaryFile(file: file, path: path, place: place)
        } catch {
            clinux_forget_temporary(place)
            throw error
        }
    }

    deinit {
        // A file that cannot be removed is of no further use, but harmless.
        if isTemporary { _ = FileName.withBytes(of: path, clinux_unlink) }
        clinux_forget_temporary(place)
    }

    /// Locks it; false where somebody who looked for leftovers was faster, and removes it.
    private borrowing func isOurs() throws(Errno) -> Bool {
        do throws(Errno) {
            return try file.lock() && FileIdentity(of: file).map { $0.links > 0 } ?? false
        } catch {
            // Not every file system has locks; without one nobody takes it for a leftover.
            return true
        }
    }

    private borrowing func copyPermissions(of original: String) throws(Errno) {
        try Errno.check(
            file.withNumber { number in
                FileName.withBytes(of: original) { clinux_copy_permissions($0, number) }
            })
    }

    /// Gives the file its final name, replacing what had it.
    mutating func rename(to name: String) throws(Errno) {
        let result = FileName.withBytes(of: path) { from in
            FileName.withBytes(of: name) { clinux_rename(from, $0) }
        }
        try Errno.check(result)
        isTemporary = false
    }

    // MARK: Names

    private static let maximumTries = 16
    private static let namePrefix = ".vcpusnap-"
    private static let digits = 16

    private static func newName() -> String {
        let number = String(UInt64.random(in: 0 ... .max), radix: 16)
        return namePrefix + String(repeating: "0", count: digits - number.utf8.count) + number
    }

    private static func isName(_ name: String) -> Bool {
        let rest = name.utf8.dropFirst(namePrefix.utf8.count)
        return name.utf8.starts(with: namePrefix.utf8) && rest.count == digits
            && rest.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit }
    }

    /// Removes files of other programs that are no more.
    static func removeLeftovers(in directory: String) {
        let names = (try? Folder.names(in: directory, where: isName)) ?? []
        for name in names { removeLeftover(directory + "/" + name) }
    }

    private static func removeLeftover(_ path: String) {
        // Its program lives as long as it is locked; on its way here it may have got its final name.
        guard let file = try? FileDescriptor(openingRegular: path, for: .reading),
            (try? file.lock()) == true, FileIdentity(of: file) == FileIdentity(of: path)
        else { return }
        _ = FileName.withBytes(of: path, clinux_unlink)
    }
}

/// New files that did not get their final names yet.
package enum TemporaryFiles {
    /// From now on a signal that ends the program removes them first.
    ///
    /// For programs: it changes what signals do.
    package static func removeOnSignals() {
        clinux_remove_temporaries_on_signals()
    }
}

/// What a program does before anything else.
package enum ProgramStart {
    /// Sets right what the parent may have done to signals and standard streams: the end of a child is told of, a file
    /// that would become too large is an error, and no file that is opened takes the place of a closed standard
    /// stream, where it would get what is printed.
    package static func setUp() {
        clinux_fill_standard_streams()
        clinux_set_signals()
    }
}
