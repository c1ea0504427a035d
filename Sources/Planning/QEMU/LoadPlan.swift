public import Emulation
public import QEMUStream
internal import Registers
public import Transfer
public import VCPUModel

/// What a version of QEMU, with KVM on some host or by itself, will do when it loads a stream.
///
/// With KVM the vCPUs are emulated ones of the host's profile, so each write gets the answer that KVM will give.
public struct LoadPlan: Sendable {
    /// What becomes of the guest; the raw values are the words of reports.
    public enum Verdict: String, Hashable, Sendable {
        /// The guest goes on as it was saved, or the policy pardons what it loses.
        case loads
        /// QEMU says nothing, and the guest loses something.
        case loadsWithLosses = "loads with losses"
        /// QEMU gives up: at a vCPU, or because its KVM does not make so many.
        case fails
    }

    /// The profile's name; that of the CPU where QEMU emulates it.
    public let host: String
    /// Whether QEMU emulates the vCPUs there; else they are KVM's.
    public let isEmulated: Bool
    /// The QEMU that loads the stream.
    public let version: QEMUVersion
    /// The policy's name.
    public let policy: String
    /// Who ran the vCPUs before: QEMU's emulation and KVM list different registers.
    public let origin: StreamOrigin
    /// More vCPUs than the destination's KVM makes.
    ///
    /// QEMU gives up before it reads the stream.
    public struct Excess: Hashable, Sendable {
        /// How many vCPUs the stream has.
        public var count: Int
        /// The host's `KVM_CAP_MAX_VCPUS`.
        public var maximum: Int
    }

    /// What stands in the way of the machine as a whole.
    public let blockers: [LoadBlocker]
    /// Whether `version` is meant, and not all that load as it does, of which another can have the machine type.
    let isOfOneVersion: Bool
    /// Nil where the destination makes as many vCPUs as the stream has, or its limit is not known.
    public let excess: Excess?
    /// In the order of the stream; empty where there are too many.
    ///
    /// QEMU gives up at the first that fails; of those after it this is what would have become of them.
    public let vcpus: [VCPULoad]
    /// The lines QEMU prints, without the program's name and time stamps.
    public let output: [String]
    /// What the move does to the guest beside what it loses, by the first vCPU; none of a QEMU that emulates them.
    public let notices: [MoveNotice]

    /// The verdict on the whole VM: one vCPU that fails makes the load fail, and pardoned losses do not count.
    public var verdict: Verdict {
        if excess != nil || isBlocked || vcpus.contains(where: { $0.failure != nil }) {
            return .fails
        }
        return vcpus.allSatisfy(\.losses.isEmpty) ? .loads : .loadsWithLosses
    }

    /// Whether the machine as a whole does not load.
    var isBlocked: Bool { blockers.contains { $0.isFatal && (isOfOneVersion || !$0.isOfVersion) } }

    /// Loads every vCPU of the stream into an emulated one of the host, as that QEMU with KVM does.
    /// - Parameters:
    ///   - policy: decides which losses count; QEMU does not know it.
    ///   - isOfOneVersion: false where the version stands for all that load as it does, of which another can have the
    ///     machine type.
    ///   - removed: features that the destination's vCPUs are made without, by options of `-cpu host`.
    /// - Throws: when a vCPU cannot be read from the stream, or cannot be initialized on the host.
    public init(
        of stream: QEMUStream, on profile: HostProfile, version: QEMUVersion,
        policy: RestorePolicy, isOfOneVersion: Bool = true, without removed: VCPUFeatures = []
    ) throws(RegisterBankError) {
        try self.init(
            of: stream, by: try Self.guests(of: stream), on: profile, version: version,
            policy: policy, isOfOneVersion: isOfOneVersion, without: removed)
    }

    /// The registers of every vCPU, by KVM's ids.
    static func guests(of stream: QEMUStream) throws(RegisterBankError) -> [RegisterList] {
        try stream.cpus.map { (section) throws(RegisterBankError) in
            let origin = stream.origin.canBeOfKVM ? StreamOrigin.kvm : stream.origin
            return try Capture(of: QEMUVCPUBank(section, origin: origin)).registers
        }
    }

    /// - Parameter guests: the vCPUs as they were saved, whom the policy is asked about.
    init(
        of stream: QEMUStream, by guests: [RegisterList], on profile: HostProfile,
        version: QEMUVersion, policy: RestorePolicy, isOfOneVersion: Bool,
        without removed: VCPUFeatures = []
    ) throws(RegisterBankError) {
        (host, isEmulated, self.isOfOneVersion) = (profile.name, false, isOfOneVersion)
        blockers = LoadBlocker.all(of: stream, by: version, on: profile)
        (self.version, self.policy, origin) = (version, policy.name, stream.origin)
        excess = profile.maximumVCPUs.flatMap { maximum in
            guests.count > Int(maximum) ? Excess(count: guests.count, maximum: Int(maximum)) : nil
        }
        let machine = isOfOneVersion ? blockers : blockers.filter { !$0.isOfVersion }
        if let excess {
            (vcpus, notices) = ([], [])
            output = Self.output(
                machine.filter(\.isOfVersion), [LoadMessages.line(for: excess)], by: version)
            return
        }
        let made = try Self.vcpus(for: guests, on: profile, without: removed)
        let loaders = stream.cpus.enumerated().map { position, section in
            VCPULoader(
                version: version, policy: policy, section: section, guest: guests[position],
                vcpu: made[position], vectorLengths: profile.sveVectorLengths)
        }
        var loads = loaders.map { $0.load() }
        // What is the VM's holds what the last vCPU was given.
        for position in loads.indices { loaders[position].settle(&loads[position]) }
        vcpus = loads
        let messages = LoadMessages(version: version, isEmulated: false, of: stream)
        output = Self.output(machine, of: loads, messages)
        let midr = loads.first?.registers.first { $0.id == .midrEL1 }?.held
        let first = origin.canBeOfKVM ? guests.first : nil
        notices = first.map { MoveNotice.all(of: $0, on: profile, seeing: midr) } ?? []
    }

    /// Loads every vCPU of the stream into a QEMU that emulates them.
    /// - Parameter policy: decides which losses count; QEMU does not know it.
    /// - Throws: when a vCPU cannot be read from the stream.
    public init(
        of stream: QEMUStream, on destination: TCGDestination, policy: RestorePolicy
    ) throws(RegisterBankError) {
        self.init(
            of: stream, by: try Self.guests(of: stream), on: destination, policy: policy)
    }

    /// - Parameter guests: the vCPUs as they were saved, whom the policy is asked about.
    init(
        of stream: QEMUStream, by guests: [RegisterList], on destination: TCGDestination,
        policy: RestorePolicy
    ) {
        (host, isEmulated, isOfOneVersion) = (destination.name, true, true)
        (version, self.policy, origin) = (destination.version, policy.name, stream.origin)
        blockers = LoadBlocker.all(
            of: stream, by: destination.version, to: destination.stream)
        (excess, notices) = (nil, [])
        vcpus = zip(stream.cpus, guests).map { section, guest in
            TCGLoader(
                destination: destination, policy: policy, section: section, guest: guest
            ).load()
        }
        let messages = LoadMessages(version: version, isEmulated: true, of: stream)
        output = Self.output(blockers, of: vcpus, messages)
    }

    /// What QEMU prints: of the machine, or of the vCPUs if it comes to them first.
    private static func output(
        _ blockers: [LoadBlocker], of vcpus: [VCPULoad], _ messages: LoadMessages
    ) -> [String] {
        let hasFailed = vcpus.contains { $0.failure != nil }
        return output(
            blockers.filter { !(hasFailed && $0.isBehindVCPUs) }, messages.lines(for: vcpus),
            by: messages.version)
    }

    private static func output(
        _ blockers: [LoadBlocker], _ others: [String], by version: QEMUVersion
    ) -> [String] {
        blockers.first(where: \.isFatal)?.lines(by: version) ?? others
    }

    /// All vCPUs of a VM have the same.
    private static func features(
        for guests: [RegisterList], on profile: HostProfile
    ) -> VCPUFeatures {
        let usual = profile.vcpuInit?.features ?? profile.features
        let shown = guests.map { $0[.vcpuInit].flatMap { VCPUInit($0) }?.features ?? usual }
        let wanted = shown.reduce(featuresOfTheGuest) { $0.intersection($1) }
        return usual.subtracting(featuresOfTheGuest).union(wanted.intersection(profile.features))
    }

    /// Those that a destination's vCPUs have only if the guest shows them.
    static let featuresOfTheGuest: VCPUFeatures = [.pmuV3, .el1In32Bit, .hasEL2]

    /// Fresh vCPUs as QEMU makes them for `-cpu host`: with everything that the host has, but the PMU
    /// and AArch32 at EL1 only if the stream shows them, because those take an option (`pmu=off`,
    /// `aarch64=off`).
    private static func vcpus(
        for guests: [RegisterList], on profile: HostProfile, without removed: VCPUFeatures
    ) throws(RegisterBankError) -> [EmulatedCPU] {
        let vcpus = EmulatedHost(profile).makeVCPUs(guests.count)
        let features = features(for: guests, on: profile).subtracting(removed)
        for vcpu in vcpus { try vcpu.initialize(with: VCPUInit(features: features)) }
        return vcpus
    }

    /// The sections of a stream's vCPUs as QEMU would write them on a host.
    /// - Parameter isLoaded: whether they hold what a load of the stream leaves in them; else they are fresh.
    static func sections(
        of stream: QEMUStream, on profile: HostProfile, isLoaded: Bool, by version: QEMUVersion,
        without removed: VCPUFeatures
    ) throws(StreamMend.Problem) -> [CPUSection] {
        var sections = stream.cpus
        let guests: [RegisterList]
        let made: [EmulatedCPU]
        do throws(RegisterBankError) {
            guests = try Self.guests(of: stream)
            made = try vcpus(for: guests, on: profile, without: removed)
        } catch {
            throw .bank(error)
        }
        for (position, vcpu) in made.enumerated() {
            if isLoaded {
                _ = VCPULoader(
                    version: version, policy: RestorePolicy(.force), section: sections[position],
                    guest: guests[position], vcpu: vcpu, vectorLengths: profile.sveVectorLengths
                ).load()
            }
            let entries = vcpu.list().filter(\.isCPRegister).compactMap { id in
                (try? vcpu.read(id)).map { CPUSection.Entry(id: id, value: $0.lowBits) }
            }
            do throws(QEMUStreamError) {
                try sections[position].replaceEntries(entries)
            } catch {
                throw .stream(error)
            }
        }
        return sections
    }
}
