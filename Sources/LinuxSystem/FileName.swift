internal import CLinux

/// Names of files as strings.
///
/// The kernel takes any bytes but NUL for a name, and a `String` holds Unicode only. So each byte that is no part
/// of a UTF-8 character stands in a string as a character of its own, U+10FE80 to U+10FEFF, which are for
/// private use; such a character in a name is taken apart in the same way. Every name is a string, and
/// gives its bytes back.
package enum FileName {
    private static let escapes: ClosedRange<UInt32> = 0x10_FE80...0x10_FEFF
    /// The character of byte 0 would be this one.
    private static let base: UInt32 = 0x10_FE00

    /// The string for the bytes of a name.
    package static func string(of bytes: some Sequence<UInt8>) -> String {
        var result = String.UnicodeScalarView()
        var parser = Unicode.UTF8.ForwardParser()
        var rest = bytes.makeIterator()
        var taken: [UInt8] = []
        // The parser looks ahead, so what an error was made of is counted off what it was given.
        var pending = AnyIterator {
            guard let byte = rest.next() else { return UInt8?.none }
            taken.append(byte)
            return byte
        }
        while true {
            switch parser.parseScalar(from: &pending) {
            case .emptyInput: return String(result)
            case .error(let length):
                result.append(contentsOf: taken.prefix(length).map(escape))
                taken.removeFirst(length)
            case .valid(let encoded):
                let scalar = Unicode.UTF8.decode(encoded)
                let isEscape = escapes.contains(scalar.value)
                result.append(contentsOf: isEscape ? encoded.map(escape) : [scalar])
                taken.removeFirst(encoded.count)
            }
        }
    }

    /// Of a byte above 0x7f.
    private static func escape(_ byte: UInt8) -> Unicode.Scalar {
        Unicode.Scalar(base + UInt32(byte)) ?? "\u{FFFD}"
    }

    /// The byte that a character stands for; nil for a character of its own.
    static func byte(of scalar: Unicode.Scalar) -> UInt8? {
        escapes.contains(scalar.value) ? UInt8(truncatingIfNeeded: scalar.value) : nil
    }

    /// The bytes of a name, without a NUL at the end.
    package static func bytes(of name: String) -> [UInt8] {
        name.unicodeScalars.flatMap { scalar in
            byte(of: scalar).map { [$0] } ?? Array(String(scalar).utf8)
        }
    }

    /// For people: the bytes that are no characters as `\xff`.
    package static func shown(_ name: String) -> String {
        name.unicodeScalars.reduce(into: "") { text, scalar in
            text += byte(of: scalar).map { shown($0) } ?? String(scalar)
        }
    }

    /// For people who are to type it, as a word of a command: in quotes where a shell would take it apart.
    package static func word(_ name: String) -> String {
        let name = shown(name)
        let isPlain = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), 0x80...:
                true
            default: "._-/:@%+=,".utf8.contains(byte)
            }
        }
        let quoted = name.split(separator: "'", omittingEmptySubsequences: false)
        return isPlain && !name.isEmpty ? name : "'\(quoted.joined(separator: "'\\''"))'"
    }

    /// `\xff`; such a byte has two digits.
    static func shown(_ byte: UInt8) -> String { "\\x" + String(byte, radix: 16) }

    /// Lends the bytes, with a NUL at their end, to a system call.
    package static func withBytes<Result>(
        of name: String, _ body: (UnsafePointer<CChar>) -> Result
    ) -> Result {
        (bytes(of: name).map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer { buffer in
            // SAFETY: the array has at least the NUL, so there is an address.
            body(buffer.baseAddress.unsafelyUnwrapped)
        }
    }

    /// The string for a name that ends in NUL.
    package static func string(at name: UnsafePointer<CChar>) -> String {
        // SAFETY: the caller's name ends in NUL, and strings from C do.
        let bytes = UnsafeBufferPointer(start: name, count: length(name))
        return string(of: bytes.map { UInt8(bitPattern: $0) })
    }

    /// The name that a symbolic link leads to, as it stands in it; nil for anything else.
    package static func target(ofLink path: String) -> [UInt8]? {
        var result: Int32 = 0
        let target = [UInt8](unsafeUninitializedCapacity: longestPath) { buffer, initialized in
            buffer.withMemoryRebound(to: CChar.self) { text in
                // SAFETY: the buffer has that many bytes; no more are written.
                guard let address = text.baseAddress else { return }
                result = withBytes(of: path) { clinux_read_link($0, address, text.count) }
            }
            initialized = Int(max(0, result))
        }
        return result < 0 ? nil : target
    }

    /// `PATH_MAX`.
    private static let longestPath = 4096

    private static func length(_ name: UnsafePointer<CChar>) -> Int {
        var count = 0
        while name[count] != 0 { count += 1 }
        return count
    }
}

/// What the program was called with.
package enum ProgramArguments {
    /// The words after the program's name, each as `FileName` has it.
    ///
    /// They come from the process's start and not from /proc, as `CommandLine`'s do.
    package static func words() -> [String] {
        var result: [String] = []
        while let word = clinux_argument(Int32(clamping: result.count + 1)) {
            result.append(FileName.string(at: word))
        }
        return result
    }
}
