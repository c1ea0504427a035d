internal import LinuxSystem

/// What `/proc` says of a process.
struct ProcessFiles {
    let process: Int

    /// A line of `/proc/PID/maps`.
    struct Mapping: Hashable {
        var range: Range<UInt64>
        var isWritable: Bool
        var isExecutable: Bool
        var name: String
    }

    private var folder: String { "/proc/\(process)" }

    /// The ids of the threads, in ascending order; empty when the process has gone.
    func threads() -> [Int] {
        numbers(in: "task").sorted()
    }

    /// The open descriptors; nil when they may not be seen.
    func descriptors() -> [(number: Int, target: String)]? {
        guard (try? Folder.names(in: "\(folder)/fd")) != nil else { return nil }
        return numbers(in: "fd").sorted().compactMap { number in
            link("fd/\(number)").map { (number, $0) }
        }
    }

    /// `/proc/PID/status`, or that of one of its threads; empty when it has gone.
    func status(ofThread thread: Int? = nil) -> Status {
        Status(bytes: bytes(of: thread.map { "task/\($0)/status" } ?? "status"))
    }

    /// Whether the process has ended, or is about to: what is found of it from then on is less and less.
    ///
    /// The field `flags` of `/proc/PID/stat` has `PF_EXITING` (`include/linux/sched.h`) before anything
    /// of the process is taken away (`do_exit` in `kernel/exit.c`).
    var isEnding: Bool {
        // The name before the fields may hold anything.
        let fields = bytes(of: "stat").split(separator: UInt8(ascii: ")")).last?
            .split(separator: UInt8(ascii: " "))
        guard let fields, fields.count > Self.flagsField,
            let flags = UInt32(String(decoding: fields[Self.flagsField], as: UTF8.self))
        else { return true }
        return flags & Self.exiting != 0
    }

    /// The place of `flags` among the fields after the name.
    private static let flagsField = 6
    private static let exiting: UInt32 = 4

    /// What the process is called: at most 15 characters, which it can change.
    func name() -> String {
        String(decoding: bytes(of: "comm").prefix { $0 != Self.newline }, as: UTF8.self)
    }

    /// The memory map, in ascending order.
    func mappings() -> [Mapping] {
        bytes(of: "maps").split(separator: Self.newline).compactMap(Mapping.init)
    }

    /// The bytes of a file in the folder; none when it cannot be read.
    private func bytes(of file: String) -> [UInt8] {
        (try? File.read("\(folder)/\(file)", limit: Self.largest)) ?? []
    }

    private static let newline = UInt8(ascii: "\n")

    private func numbers(in name: String) -> [Int] {
        ((try? Folder.names(in: "\(folder)/\(name)")) ?? []).compactMap { Int($0) }
    }

    /// Where a link in the folder leads; nil when there is none.
    func link(_ name: String) -> String? {
        FileName.target(ofLink: "\(folder)/\(name)").map { String(decoding: $0, as: UTF8.self) }
    }

    /// More than any process's map that was ever seen.
    private static let largest = 1 << 26
}

extension ProcessFiles {
    /// Lines of a name and a value, looked at as bytes: others stand still meanwhile.
    struct Status {
        let bytes: [UInt8]

        /// The value of a line; nil when there is none of that name.
        subscript(_ name: StaticString) -> Substring? {
            let length = name.utf8CodeUnitCount
            var start = 0
            while start < bytes.count {
                let end = bytes[start...].firstIndex(of: ProcessFiles.newline) ?? bytes.count
                let line = bytes[start..<end]
                let isIt = name.withUTF8Buffer { line.starts(with: $0) }
                if isIt, line.dropFirst(length).starts(with: Self.separator) {
                    let value = line.dropFirst(length + Self.separator.count)
                    return Substring(decoding: value, as: UTF8.self)
                }
                start = end + 1
            }
            return nil
        }

        private static let separator: [UInt8] = Array(":\t".utf8)
    }
}

extension ProcessFiles.Mapping {
    /// `ffff9221d000-ffff9221f000 r-xp 00000000 00:00 0    [vdso]`; nil for another line.
    init?(_ line: ArraySlice<UInt8>) {
        let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 5)
        guard fields.count >= 5, fields[1].count == 4 else { return nil }
        let bounds = fields[0].split(separator: UInt8(ascii: "-"))
        guard bounds.count == 2, let start = Self.number(bounds[0]),
            let end = Self.number(bounds[1]), start < end
        else { return nil }
        let name = fields.count == 6 ? fields[5].drop { $0 == UInt8(ascii: " ") } : []
        self.init(
            range: start..<end, isWritable: fields[1].contains(UInt8(ascii: "w")),
            isExecutable: fields[1].contains(UInt8(ascii: "x")),
            name: String(decoding: name, as: UTF8.self))
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> UInt64? {
        guard digits.count <= 16 else { return nil }
        var number: UInt64 = 0
        for digit in digits {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): number = number << 4 | UInt64(digit - 48)
            case UInt8(ascii: "a")...UInt8(ascii: "f"): number = number << 4 | UInt64(digit - 87)
            default: return nil
            }
        }
        return number
    }
}
