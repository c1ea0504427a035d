internal import LinuxSystem
internal import TextFormats
package import Transfer

/// What one vcpusnap asks another one, on the guest's destination, to do: all that it takes in one piece, so that what
/// does not arrive whole is not done at all.
///
/// It is a line `vcpusnap-move 1`, then a part for each member (`LENGTH:BYTES,`, a netstring), and nothing behind the
/// last one. Both ends are of one version, so no other one has to read it.
package struct MoveOrder: Sendable {
    /// Where the snapshot is from, for the report.
    package let source: String
    /// Where it goes on the destination, as on a command line there.
    package let target: String
    /// How the report is to be, as options of `restore`.
    package let options: [String]
    /// What the policy was read from, or the name of a preset.
    package let policyName: String
    /// The policy's text; empty for a preset.
    package let policyText: String
    /// A whole snapshot file.
    package let snapshot: [UInt8]

    /// An order to restore a snapshot there.
    package init(
        from source: String, to target: String, options: [String], policyName: String,
        policy: LoadedPolicy, snapshot: [UInt8]
    ) {
        self.source = source
        self.target = target
        self.options = options
        self.policyName = policyName
        policyText = policy.text ?? ""
        self.snapshot = snapshot
    }

    /// The most bytes of an order.
    package static let limit = 1 << 28

    private static let start = Array("vcpusnap-move 1\n".utf8)

    /// As it is sent.
    package var encoded: [UInt8] {
        let texts = [source, target, options.joined(separator: " "), policyName, policyText]
        return (texts.map { Array($0.utf8) } + [snapshot]).reduce(into: Self.start) { bytes, part in
            bytes += Array("\(part.count):".utf8) + part + Array(",".utf8)
        }
    }

    /// Reads an order that was received.
    /// - Throws: for one that is not whole, and for what is none.
    package init(parsing bytes: [UInt8]) throws(SourceError) {
        guard bytes.starts(with: Self.start) else { throw Self.isNone }
        var parts: [ArraySlice<UInt8>] = []
        var rest = bytes.dropFirst(Self.start.count)
        while !rest.isEmpty { parts.append(try Self.part(&rest)) }
        guard parts.count == 6 else { throw Self.isCut }
        let texts = parts.dropLast().map { String(decoding: $0, as: UTF8.self) }
        (source, target, policyName, policyText) = (texts[0], texts[1], texts[3], texts[4])
        options = texts[2].split(separator: " ").map(String.init)
        snapshot = Array(parts[5])
    }

    /// Takes the next part.
    private static func part(_ rest: inout ArraySlice<UInt8>) throws(SourceError) -> ArraySlice<
        UInt8
    > {
        let digits = rest.prefix { $0 != UInt8(ascii: ":") }
        let body = rest.dropFirst(digits.count).dropFirst()
        guard !digits.isEmpty,
            let length = NumberText.decimal(digits).flatMap({ Int(exactly: $0) }),
            length < body.count
        else { throw isCut }
        let part = body.prefix(length)
        rest = body.dropFirst(length)
        guard rest.popFirst() == UInt8(ascii: ",") else { throw isCut }
        return part
    }

    /// The policy that it is to be done by.
    /// - Throws: for the name of no preset, and a text with an error.
    package func policy() throws(SourceError) -> RestorePolicy {
        if policyText.isEmpty, let preset = RestorePolicy.Preset(rawValue: policyName) {
            return RestorePolicy(preset)
        }
        return try SourceError.passing {
            try RestorePolicy(
                parsing: Array(policyText.utf8), file: FileName.shown(policyName))
        }
    }

    private static let isNone = SourceError(
        "standard input is no order of vcpusnap move, which alone uses this command")
    private static let isCut = SourceError(
        "the order did not arrive whole, and nothing was done: the connection was lost")
}
