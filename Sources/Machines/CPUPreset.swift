internal import Emulation
internal import LinuxSystem
internal import QEMUStream
internal import Registers
internal import TextFormats
package import Transfer
package import VCPUModel

/// What vCPUs are given before their first run: a baseline, or a custom CPU template of Firecracker.
package struct CPUPreset {
    private enum Content {
        case baseline(BaselineTemplate)
        case template(CPUTemplate)
    }

    private let content: Content
    private let name: String

    /// Reads a file of either kind; what it is, its first bytes say.
    /// - Throws: where it cannot be read, or is something else.
    package static func load(_ location: Location) throws(SourceError) -> CPUPreset {
        guard location.fileKind == CPUFingerprintFile.self else {
            return CPUPreset(
                content: .baseline(try BaselineFile.load(location)), name: location.text)
        }
        return CPUPreset(
            content: .template(try CPUFingerprintFile.template(location)), name: location.text)
    }

    /// What it writes into a vCPU, but for what that holds already.
    /// - Throws: where a register of it is not there or cannot be read.
    package func assignments(
        in vcpu: any RegisterBank
    ) throws(EditError) -> [RegisterAssignment] {
        var held = RegisterList()
        for (id, _) in changes where !held.contains(id) {
            do throws(RegisterBankError) {
                held.set(try vcpu.read(id), for: id)
            } catch {
                throw error.errno == .noEntry ? .absent(id) : .bank(error)
            }
        }
        var wanted = held
        for (id, change) in changes {
            if let value = wanted[id] { wanted.set(change(value), for: id) }
        }
        return wanted.filter { held[$0.0] != $0.1 }.map {
            RegisterAssignment(preset: $0.0, to: $0.1)
        }
    }

    private var changes: [(id: RegisterID, change: (RegisterValue) -> RegisterValue)] {
        switch content {
        case .baseline(let baseline): baseline.registers.map { id, value in (id, { _ in value }) }
        case .template(let template):
            template.modifiers.map { ($0.register, $0.pattern.applied(to:)) }
        }
    }

    /// What it also wants, which no change of registers gives.
    package func notices(about target: EditTarget) -> [String] {
        let made = target.madeFeatures ?? []
        var notices: [String] = []
        switch content {
        case .baseline(let baseline): notices += Self.features(baseline.features, made, name)
        case .template(let template):
            let (set, cleared) = template.features.lowWord
            let wanted = made.union(VCPUFeatures(rawValue: set))
                .subtracting(VCPUFeatures(rawValue: cleared))
            notices += Self.features(wanted, made, name)
            if !template.capabilities.isEmpty {
                notices.append(
                    "\(name) has Firecracker look for capabilities of KVM, which changes nothing here: "
                        + template.capabilities.listed(atMost: 8))
            }
        }
        return notices
    }

    private static func features(
        _ wanted: VCPUFeatures, _ made: VCPUFeatures, _ name: String
    ) -> [String] {
        guard wanted != made else { return [] }
        return [
            "the vCPUs were made with \(made.names.joined(separator: " ")), and \(name) is for \(wanted.names.joined(separator: " ")): "
                + "that is decided when they are made, so make new ones with these"
        ]
    }
}
