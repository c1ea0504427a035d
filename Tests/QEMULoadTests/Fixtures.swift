import LinuxSystem
import Planning
import QEMUStream
import Registers
import TestFiles
import TestSubjects
import Testing
import Transfer
import VCPUModel

extension QEMUStream {
    init(_ bytes: [UInt8]) throws(QEMUStreamError) {
        try self.init(MemoryBytes(bytes))
    }

    /// The fixture's stream, with its lists changed.
    init(
        _ fixture: StreamFixture,
        changing change: (inout [CPUSection.Entry]) throws -> Void = { _ in }
    ) throws {
        let stream = try QEMUStream(fixture.bytes)
        var sections = stream.cpus
        for index in sections.indices {
            var entries = sections[index].entries
            try change(&entries)
            try sections[index].replaceEntries(entries)
        }
        self = try stream.replacing(sections)
    }

    /// The stream with other sections, written and read again.
    func replacing(_ sections: [CPUSection]) throws -> QEMUStream {
        let patch = try patch(replacing: sections)
        var result = try bytes.read(at: 0, count: Int(bytes.size))
        for replacement in patch.replacements.reversed() {
            let range = Int(replacement.range.lowerBound)..<Int(replacement.range.upperBound)
            result.replaceSubrange(range, with: replacement.bytes)
        }
        return try QEMUStream(result)
    }
}

extension [CPUSection.Entry] {
    /// Replaces or inserts a value.
    mutating func set(_ id: RegisterID, _ value: UInt64) {
        removeAll { $0.id == id }
        let place = firstIndex { $0.id > id } ?? endIndex
        insert(CPUSection.Entry(id: id, value: value), at: place)
    }

    mutating func remove(_ id: RegisterID) {
        removeAll { $0.id == id }
    }
}

/// - Parameter isOfOneVersion: false where the version stands for all that load as it does, whatever machine types they have.
func loadPlan(
    _ stream: QEMUStream, on host: String, by version: QEMUVersion,
    policy: RestorePolicy = RestorePolicy(.safe), isOfOneVersion: Bool = false
) throws -> LoadPlan {
    try LoadPlan(
        of: stream, on: try builtIn(host), version: version, policy: policy,
        isOfOneVersion: isOfOneVersion)
}

extension LoadPlan {
    /// What becomes of a register of the first vCPU.
    func load(
        of name: String, _ place: SourceLocation = #_sourceLocation
    ) throws -> RegisterLoad {
        let id = try register(name)
        return try #require(
            vcpus.first?.registers.first { $0.id == id }, "nothing of \(name)",
            sourceLocation: place)
    }

    /// The names of the first vCPU's registers with that fate.
    func names(_ fate: String) -> [String] {
        vcpus.first?.registers.filter { $0.fate.rawValue == fate }.map(\.id.name) ?? []
    }
}

/// The stream's vCPUs.
func snapshot(of stream: QEMUStream) throws -> Snapshot {
    let origin = stream.origin.canBeOfKVM ? StreamOrigin.kvm : stream.origin
    let vcpus = try stream.cpus.map { section in
        let bank = QEMUVCPUBank(section, origin: origin)
        return VCPUState(index: section.instance, registers: try Capture(of: bank).registers)
    }
    return Snapshot(provenance: Provenance(), vcpus: vcpus)
}
