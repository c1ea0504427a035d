internal import LinuxSystem
internal import TextFormats

/// The state that Firecracker keeps of a VM beside its memory (Formats/firecracker-vmstate.md).
public enum FirecrackerFile {
    /// The most bytes that a file may have, as Firecracker's loader has it.
    public static let limit = 10 << 20

    /// Whether a file that begins with these bytes is one, of any machine and version.
    public static func recognizes(_ prefix: [UInt8]) -> Bool {
        FirecrackerHeader.codec(prefix) != nil
    }

    /// Reads a whole file.
    ///
    /// The layouts of its version are tried first. Where none fits a file whose checksum is right, its registers are searched
    /// for.
    /// - Throws: where it is damaged or of another machine, and where no layout fits and nothing is found.
    public static func state(of bytes: [UInt8]) throws(VMMFileError) -> VMMState {
        let header = try FirecrackerHeader(bytes)
        let end = bytes.count - checksumSize
        guard header.end <= end else {
            throw .cutOff(at: bytes.count, missing: "the VM's state and its checksum")
        }
        let whole = ByteCursor(bytes, in: header.end..<end, part: "the VM's state")
        let checksum = CRC64.of(bytes[..<end])
        let stored = bytes.littleEndian(in: end..<bytes.count)
        let isIntact = checksum == stored
        let damaged = VMMFileError.damaged(
            "the checksum of all bytes before it", at: end, expected: checksum.hex,
            found: stored.hex)
        do throws(VMMFileError) {
            let found = try tried(header, whole)
            guard isIntact else { throw damaged }
            return try found.state(of: header, checksum)
        } catch {
            guard isIntact, let found = FirecrackerSearch.state(header, whole) else {
                throw isIntact || error.offset != nil ? error : damaged
            }
            return try found.state(of: header, checksum)
        }
    }

    private static let checksumSize = 8

    /// What the layouts of the version make of it, or else all others.
    /// - Throws: what is wrong where the one that fits best no longer does.
    private static func tried(
        _ header: FirecrackerHeader, _ whole: ByteCursor
    ) throws(VMMFileError) -> FirecrackerState {
        let known = FirecrackerVersion.all.filter { $0.version == header.version }
        guard header.codec != .versionize else {
            throw .unsupported(header.oldVersionText)
        }
        let layouts = known.isEmpty ? FirecrackerLayout.allCases.reversed() : known.map(\.layout)
        var best = VMMFileError.cutOff(at: whole.end, missing: "the VM's state")
        var place = -1
        for layout in layouts {
            do throws(VMMFileError) {
                let tree = try header.read(layout.shape, whole)
                let state = try FirecrackerState(tree)
                let releases = known.first { $0.layout == layout }?.releases
                return state.found(in: layout, writtenBy: releases)
            } catch {
                let end = error.offset ?? whole.end
                if end > place { (best, place) = (error, end) }
            }
        }
        throw best
    }
}
