import Foundation
import Testing

/// The descriptors that are open, by number, and which file each is of.
///
/// Other tests open and close some all the time, so it is those of a thread that has a table of its own.
struct OpenDescriptors: Equatable {
    /// Device and inode: a name changes when another test renames or removes its file.
    let targets: [String: [UInt64]]

    private init() {
        let folder = "/proc/thread-self/fd"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        targets = names.reduce(into: [:]) { targets, name in
            var status = stat()
            // That of the listing itself is gone by now.
            guard stat("\(folder)/\(name)", &status) == 0 else { return }
            targets[name] = [UInt64(status.st_dev), UInt64(status.st_ino)]
        }
    }

    /// Those before, and those after something was done.
    static func around(
        _ work: @escaping @Sendable () -> Void
    ) throws -> (before: OpenDescriptors, after: OpenDescriptors) {
        // The corresponding C call is unshare(CLONE_FILES), which Foundation does not show.
        typealias Unshare = @convention(c) (Int32) -> Int32
        let unshare = unsafeBitCast(try #require(dlsym(nil, "unshare")), to: Unshare.self)
        let found = Found()
        let thread = Thread {
            if unshare(0x400) == 0 {
                let before = OpenDescriptors()
                work()
                found.both = (before, OpenDescriptors())
            }
            found.isThere.signal()
        }
        thread.stackSize = 8 << 20
        thread.start()
        found.isThere.wait()
        return try #require(found.both, "no table of its own")
    }

    /// The thread that waits reads it after the other has written it.
    private final class Found: @unchecked Sendable {
        var both: (before: OpenDescriptors, after: OpenDescriptors)?
        let isThere = DispatchSemaphore(value: 0)
    }
}
