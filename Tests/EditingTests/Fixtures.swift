import Emulation
import Registers
import TestSubjects
import Testing
import Transfer
import VCPUModel

/// A vCPU on a built-in host, with other init features if they are given.
func emulatedCPU(on host: String, features: VCPUFeatures? = nil) throws -> EmulatedCPU {
    guard let features else { return try vcpu(on: host) }
    let cpu = EmulatedCPU(profile: try builtIn(host))
    try cpu.write(VCPUInit(features: features).value, to: .vcpuInit)
    return cpu
}

/// A vCPU of a snapshot that was made on a built-in host, with these values in registers it has or
/// gets, and without those that are removed.
func snapshotBank(
    of host: String, _ values: [String: String] = [:], removing: [String] = []
) throws -> SnapshotBank {
    let cpu = try emulatedCPU(on: host)
    let removed = try removing.map { try register($0) }
    var registers = RegisterList()
    for id in cpu.list() where !removed.contains(id) { registers.set(try cpu.read(id), for: id) }
    for (name, text) in values {
        let id = try register(name)
        registers.set(try value(text, of: id), for: id)
    }
    return SnapshotBank(registers)
}

@discardableResult
func set(_ texts: String..., in bank: any RegisterBank) throws -> VCPUEdit {
    try set(texts, in: bank)
}

@discardableResult
func set(
    _ texts: [String], in bank: any RegisterBank, isForced: Bool = false
) throws -> VCPUEdit {
    let assignments = try texts.map { text in try RegisterAssignment(parsing: text) }
    return try VCPUEdit.set(assignments, in: bank, isForced: isForced)
}

/// Expects that a change is not made, and why.
func expect(
    _ error: EditError, _ place: SourceLocation = #_sourceLocation,
    _ body: () throws -> VCPUEdit
) {
    #expect(throws: error, sourceLocation: place) { try body() }
}

/// Every register that differs after the body, with its new value; bits that move by themselves do
/// not count.
func changes(
    of bank: any RegisterBank, _ body: () throws -> Void
) throws -> [String: String] {
    let before = try stableValues(of: bank)
    try body()
    let after = try stableValues(of: bank)
    #expect(Set(after.keys) == Set(before.keys), "the vCPU has other registers now")
    return after.reduce(into: [:]) { changes, pair in
        if before[pair.key] != pair.value { changes[pair.key.name] = pair.value.description }
    }
}

private func stableValues(of bank: any RegisterBank) throws -> [RegisterID: RegisterValue] {
    try bank.list().reduce(into: [:]) { values, id in
        let moving = RegisterDictionary.entry(for: id)?.volatileBits ?? 0
        values[id] = try bank.read(id).masked(by: ~moving)
    }
}

extension RegisterBank {
    /// A register's value as the program prints it.
    func text(_ name: String) throws -> String {
        try read(register(name)).description
    }
}

/// A vCPU that remembers what was written, in order.
final class WriteLog: RegisterBank {
    private let base: any RegisterBank
    private(set) var written: [RegisterID] = []

    init(_ base: any RegisterBank) {
        self.base = base
    }

    func list() throws(RegisterBankError) -> [RegisterID] { try base.list() }

    func read(_ id: RegisterID) throws(RegisterBankError) -> RegisterValue { try base.read(id) }

    func write(_ value: RegisterValue, to id: RegisterID) throws(RegisterBankError) {
        written.append(id)
        try base.write(value, to: id)
    }
}
