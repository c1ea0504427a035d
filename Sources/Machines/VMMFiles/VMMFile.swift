internal import LinuxSystem
package import QEMUStream
internal import VCPUModel
public import VMMFiles

/// A kind of file in which a VMM keeps the state of a VM; `VMMFile` is what it has in common with the others.
///
/// A kind says by which bytes it is recognized, how many there may be, and how they are read.
package protocol VMMFileKind: StateFileKind {
    /// The most bytes of such a file.
    static var limit: Int { get }

    /// Reads a whole file.
    /// - Throws: where it is damaged, or of a version that is not read.
    static func state(of bytes: [UInt8]) throws(VMMFileError) -> VMMState
}

extension SourceSummary {
    /// Of a kind of file that a VMM wrote.
    init(ofVMMFile grammar: String, _ meaning: String, needs: String = "", example: String) {
        self.init(
            grammar: grammar, meaning: meaning, abilities: [.read, .convert], needs: needs,
            example: example)
    }
}

extension VMMFileKind {
    /// How to read it as it is, or to make of it what was expected.
    package static func advice(for file: String, insteadOf expected: ExpectedFile) -> String? {
        expected.adviceForGuests(in: file)
    }

    /// Reads the whole file, and no more than its limit.
    /// - Throws: where it cannot be read, is too long, damaged, or of a version that is not read.
    package static func open(
        _ input: ImageInput, of location: Location, _ options: SourceOptions
    ) throws(SourceError) -> any StateFile {
        let bytes = try SourceError.passing { try input.whole(limit: limit) }
        return try VMMFile(named: location.text) { () throws(VMMFileError) in
            try state(of: bytes)
        }
    }

    /// By default reads the file in the folder that tells its kind.
    /// - Throws: as for the file itself.
    package static func open(
        folder: String, named name: String, _ options: SourceOptions
    ) throws(SourceError) -> any StateFile {
        let file = Location(path: "\(folder)/\(nameInFolder ?? "")")
        return try open(try file.input(), of: file, options)
    }
}

/// A file of a VMM, read as a whole; every error names it.
public struct VMMFile: StateFile {
    /// For messages.
    package let name: String
    /// What it tells.
    public let state: VMMState

    /// - Parameters:
    ///   - name: for messages.
    ///   - read: makes the state of the file's bytes.
    /// - Throws: what reading throws, with the name.
    package init(
        named name: String, _ read: () throws(VMMFileError) -> VMMState
    ) throws(SourceError) {
        self.name = name
        state = try SourceError.naming(name, read)
    }

    /// Itself.
    public var vmmFile: VMMFile? { self }

    /// `Firecracker, version 10.0.0, releases 1.16.0, 1.16.1, vCPUs 0-1`.
    public var content: String {
        let facts = state.facts.map { "\($0.name) \($0.value), " }.joined()
        return "\(state.vmm.rawValue), \(facts)\(UnitNumbers(state.vcpus.map(\.index)).title)"
    }

    /// Its registers; notices say what is odd about the file, and what no such file has.
    public func capture(_ options: SourceOptions) -> StateCapture {
        for remark in state.remarks { options.notify("\(name): warning: \(remark)") }
        if !state.gaps.isEmpty {
            let missing = state.gaps.joined(separator: "; no ")
            options.notify("\(name): a file of \(state.vmm.rawValue) has no \(missing)")
        }
        var snapshot = state.snapshot
        snapshot.provenance[.tool] = options.tool
        snapshot.provenance[.source] = name
        return StateCapture(snapshot)
    }
}
