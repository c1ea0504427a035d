internal import CLinux
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

    /// The lines of `/proc/PID/status`, or of one of its threads, by what they begin with.
    func status(ofThread thread: Int? = nil) -> [Substring: Substring] {
        let path = thread.map { "task/\($0)/status" } ?? "status"
        var values: [Substring: Substring] = [:]
        for line in lines(of: path) {
            let parts = line.split(separator: ":\t", maxSplits: 1)
            if parts.count == 2 { values[parts[0]] = parts[1] }
        }
        return values
    }

    /// What the process is called: at most 15 characters, which it can change.
    func name() -> String {
        lines(of: "comm").first.map(String.init) ?? ""
    }

    /// The memory map, in ascending order.
    func mappings() -> [Mapping] {
        lines(of: "maps").compactMap(Self.mapping)
    }

    /// The text of a file in the folder; nil when it cannot be read.
    private func lines(of file: String) -> [Substring] {
        guard let bytes = try? File.read("\(folder)/\(file)", limit: Self.largest) else {
            return []
        }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    }

    private func numbers(in name: String) -> [Int] {
        ((try? Folder.names(in: "\(folder)/\(name)")) ?? []).compactMap { Int($0) }
    }

    private func link(_ name: String) -> String? {
        var result: Int32 = 0
        let bytes = [CChar](unsafeUninitializedCapacity: Self.longestLink) { buffer, initialised in
            // SAFETY: readlink(2) writes at most `count` bytes and returns how many.
            guard let address = buffer.baseAddress else { return }
            result = clinux_read_link("\(folder)/\(name)", address, buffer.count)
            initialised = Int(max(0, result))
        }
        return result < 0
            ? nil : String(decoding: bytes.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// `ffff9221d000-ffff9221f000 r-xp 00000000 00:00 0    [vdso]`.
    private static func mapping(_ line: Substring) -> Mapping? {
        let fields = line.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: true)
        guard fields.count >= 5 else { return nil }
        let bounds = fields[0].split(separator: "-")
        guard bounds.count == 2, let start = UInt64(bounds[0], radix: 16),
            let end = UInt64(bounds[1], radix: 16), start < end
        else { return nil }
        let name = fields.count == 6 ? fields[5].drop { $0 == " " } : ""
        return Mapping(
            range: start..<end, isWritable: fields[1].contains("w"),
            isExecutable: fields[1].contains("x"), name: String(name))
    }

    /// More than any process's map that was ever seen.
    private static let largest = 1 << 26
    private static let longestLink = 512
}
