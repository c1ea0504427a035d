internal import VCPUModel

/// The compressions that files with QEMU's streams come in, each by the program of its name.
package enum Compression: String, Hashable, Sendable, CaseIterable {
    case gzip, bzip2, xz, lzop, zstd

    /// The program that decompresses.
    package var program: String { rawValue }

    /// The command line that decompresses.
    var decompressing: [String] { words("-dc") }
    /// The command line that compresses.
    var compressing: [String] { words("-c") }

    private func words(_ argument: String) -> [String] {
        // lzop alone would fail because of a warning after it decompressed everything; libvirt gives it this, too.
        [program, argument] + (self == .lzop ? ["--ignore-warn"] : [])
    }

    /// Debian's package of the program.
    var package: String { self == .xz ? "xz-utils" : rawValue }

    /// That of a file that begins with these bytes; nil for a file that none of them made.
    public init?(ofFileBeginning prefix: [UInt8]) {
        guard let found = Self.allCases.first(where: { prefix.starts(with: $0.magic) }) else {
            return nil
        }
        self = found
    }

    /// How a compressed file begins.
    private var magic: [UInt8] {
        switch self {
        case .gzip: [0x1f, 0x8b, 0x08]
        case .bzip2: Array("BZh".utf8)
        case .xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]
        case .lzop: [0x89, 0x4c, 0x5a, 0x4f, 0x00, 0x0d, 0x0a, 0x1a, 0x0a]
        case .zstd: FileMagic.zstd
        }
    }
}
