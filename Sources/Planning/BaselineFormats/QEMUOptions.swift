internal import Emulation
internal import Registers
internal import TextFormats
internal import VCPUModel

/// What of a baseline QEMU can be told, as properties of `-cpu host`.
struct QEMUOptions {
    /// Features and vector lengths, by libvirt's names of the same properties: `sve` is off, `sve256` on.
    private var switches: [(name: String, isOn: Bool)] = []
    /// What only QEMU's command line has.
    private var further: [String] = []
    private(set) var shortcomings: [String] = []

    init(_ baseline: Baseline, for version: QEMUVersion, usesSeries: Bool) {
        addFeatures(baseline)
        var rest = baseline.registers
        if let lengths = rest[.sveVLS] {
            switches.append(("sve\(SVEVectorLengths(lengths).longest * 8)", true))
        }
        let psci = rest[.psciVersion].flatMap { PSCIVersion(rawValue: $0.lowBits) }
        let takesPSCI = version >= Self.firstWithPSCIVersion
        if let psci, takesPSCI { further.append("kvm-psci-version=\(psci)") }
        let fields = usesSeries ? baseline.lost : []
        further += fields.map {
            "SYSREG_\($0.register.name)_\($0.field)=\(RegisterValue($0.value))"
        }
        if !fields.isEmpty {
            shortcomings.append(
                "properties SYSREG_ are those of a series of patches for QEMU, and in no release: QEMU \(version) does "
                    + "not start with them")
        }
        var told: Set<RegisterID> = [.sveVLS]
        if takesPSCI { told.insert(.psciVersion) }
        told.formUnion(fields.map(\.register))
        rest = rest.filtered { !told.contains($0) }
        addShortcomings(rest, baseline, version)
    }

    /// `kvm-psci-version` came with it.
    private static let firstWithPSCIVersion = QEMUVersion(11, 0)

    private mutating func addFeatures(_ baseline: Baseline) {
        let withheld = baseline.withheldFeatures
        switches = Remedy.removable.filter { !withheld.isDisjoint(with: $0.features) }
            .map { (String($0.property.prefix { $0 != "=" }), false) }
        let other = withheld.subtracting(
            Remedy.removable.reduce(VCPUFeatures()) { $0.union($1.features) })
        if !other.isEmpty {
            shortcomings.append(
                "QEMU gives vCPUs \(other.names.joined(separator: ", ")) where the machine asks for it: leave that out"
            )
        }
    }

    private mutating func addShortcomings(
        _ rest: RegisterList, _ baseline: Baseline, _ version: QEMUVersion
    ) {
        if rest.count > 0 {
            let texts = rest.map { "\($0.0.name) \($0.1)" }
            shortcomings.append(
                "QEMU \(version) has no property for \(texts.listed(atMost: .max)): a guest has there what the host "
                    + "that it is started on gives")
        }
        if !baseline.capabilities.isEmpty {
            shortcomings.append(
                "QEMU \(version) does not enable \(baseline.capabilities.map(\.name).joined(separator: ", "))"
            )
        }
    }

    /// The words behind `-cpu`.
    private var properties: [String] {
        switches.map { "\($0.name)=\($0.isOn ? "on" : "off")" } + further
    }

    /// `-cpu host,sve=off`.
    var text: String { "-cpu " + (["host"] + properties).joined(separator: ",") + "\n" }

    /// The elements of a domain that say the same: what libvirt has no word for goes to QEMU's command line.
    var libvirtText: String {
        let isWithoutPMU = switches.contains { $0.name == "pmu" }
        let features = switches.filter { $0.name != "pmu" }.map {
            "    <feature policy='\($0.isOn ? "require" : "disable")' name='\($0.name)'/>\n"
        }
        let arguments = further.map {
            "    <qemu:arg value='-global'/>\n    <qemu:arg value='host-arm-cpu.\($0)'/>\n"
        }
        return "<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n"
            + (isWithoutPMU ? "  <features>\n    <pmu state='off'/>\n  </features>\n" : "")
            + "  <cpu mode='host-passthrough' check='none'"
            + (features.isEmpty ? "/>\n" : ">\n\(features.joined())  </cpu>\n")
            + (arguments.isEmpty
                ? "" : "  <qemu:commandline>\n\(arguments.joined())  </qemu:commandline>\n")
            + "</domain>\n"
    }
}
