public import Emulation
public import Registers
public import Transfer
public import VCPUModel

/// What to write into a guest's vCPUs before its first run, so that it can move among some hosts
/// (Formats/vbaseline-v1.md).
public struct Baseline: Sendable {
    /// A field of an ID register that some hosts could give more of.
    public struct Lost: Hashable, Sendable {
        /// The ID register.
        public var register: RegisterID
        /// The field's name as in Formats/registers, without the register's: `RNDR`.
        public var field: String
        /// The baseline's value.
        public var value: UInt64
        /// The hosts that have another value there.
        public var hosts: [String]
    }

    /// Something that still keeps a guest from moving between some of the hosts.
    public struct Obstacle: Hashable, Sendable {
        /// A register that the hosts cannot agree on, or that a move between two of them would lose.
        public var register: RegisterID
        /// Which hosts have what, or the first move that loses it, in words.
        public var text: String
        /// The same, naming at most four hosts for each value.
        public var brief: String
    }

    /// The names of the hosts.
    public let hosts: [String]
    /// What the vCPUs are made with: the features all hosts have.
    public let features: VCPUFeatures
    /// What to enable on the VM before its vCPUs are made, without which KVM refuses some of `registers`.
    public let capabilities: [KVMCapability]
    /// What to write, in ascending order of id; only registers in which the hosts differ and that are no obstacles, and the
    /// hypercalls by which a guest is told of `implementations`.
    public let registers: RegisterList
    /// What guests give up, field by field, in ascending order of register.
    public let lost: [Lost]
    /// Features that not all hosts have, by name, with the hosts that have them.
    public let lostFeatures: [(name: String, hosts: [String])]
    /// Why the baseline is no promise; empty when a guest that is started with it can move between all of the hosts.
    public let obstacles: [Obstacle]
    /// The implementations of the hosts' CPUs, ascending, each with its hosts.
    public let implementations: [(implementation: Implementation, hosts: [String])]
    /// Whether the guest is to be told of them.
    public let tellsImplementations: Bool
    /// How many guests were started and moved to find all this.
    package let restoreCount: Int

    /// Computes the highest values that every host can give a guest.
    ///
    /// Hosts that differ only by name are looked at once.
    /// - Parameters:
    ///   - format: what is to make the vCPUs: what it cannot make or write is left out.
    ///   - tellsImplementations: whether the guest is to be told of `implementations`, where there are several.
    ///   - progress: is called with how many of the hosts have been tried as the model so far.
    /// - Throws: when a vCPU cannot be made with the common features on some host.
    public init(
        of profiles: [HostProfile], for format: BaselineFormat = .vcpusnap,
        tellsImplementations: Bool = false, progress: (Int) -> Void = { _ in }
    ) throws(RestoreError) {
        implementations = Self.implementations(profiles)
        self.tellsImplementations = tellsImplementations
        let tells = tellsImplementations && implementations.count > 1
        var features = Self.commonFeatures(profiles).subtracting(format.neverMade)
        var result = try Self.result(profiles, features, tells, progress)
        var count = result.restoreCount
        while let excess = format.excess(of: features, in: result.registers) {
            features.subtract(excess)
            result = try Self.result(profiles, features, tells, progress)
            count += result.restoreCount
        }
        restoreCount = count
        hosts = profiles.map(\.name)
        self.features = features
        lostFeatures = Self.lostFeatures(profiles, features)
        registers = result.registers
        let needed = registers.ids.compactMap { RegisterDictionary.entry(for: $0)?.capability }
        capabilities = KVMCapability.ofWritableRegisters.filter(needed.contains)
        lost = result.best?.builder.lost ?? []
        obstacles = result.best?.obstacles ?? []
    }

    /// What comes of vCPUs with some features.
    private struct Result {
        let best: (builder: BaselineBuilder, obstacles: [Obstacle])?
        let restoreCount: Int

        var registers: RegisterList { best?.builder.registers ?? RegisterList() }
    }

    private static func result(
        _ profiles: [HostProfile], _ features: VCPUFeatures, _ tellsImplementations: Bool,
        _ progress: (Int) -> Void
    ) throws(RestoreError) -> Result {
        let hosts = try kinds(profiles).map { (profile, names) throws(RestoreError) in
            try BaselineHost(profile, names: names, features: features)
        }
        let moves = BaselineMoves(among: hosts)
        let best = try best(moves, tellsImplementations: tellsImplementations, progress)
            .map { (best) throws(RestoreError) in try withoutObstacles(best, moves) }
        return Result(best: best, restoreCount: moves.restoreCount)
    }

    private static func implementations(
        _ profiles: [HostProfile]
    ) -> [(implementation: Implementation, hosts: [String])] {
        let known = profiles.filter { $0.implementation != nil }
        return Dictionary(grouping: known, by: \.implementation)
            .compactMap { implementation, profiles in
                implementation.map { (implementation: $0, hosts: profiles.map(\.name)) }
            }
            .sorted { $0.implementation < $1.implementation }
    }

    /// The profiles that differ by more than their names, in order, each with the names of all that are
    /// as it is.
    private static func kinds(
        _ profiles: [HostProfile]
    ) -> [(profile: HostProfile, names: [String])] {
        var places: [HostProfile: Int] = [:]
        var kinds: [(profile: HostProfile, names: [String])] = []
        for profile in profiles {
            var kind = profile
            kind.name = ""
            kind.extensions = []
            let place = places[kind] ?? kinds.count
            places[kind] = place
            if place == kinds.count { kinds.append((profile, [])) }
            kinds[place].names.append(profile.name)
        }
        return kinds
    }

    /// The registers with the fewest obstacles, of those that come of each model; nil without hosts.
    private static func best(
        _ moves: BaselineMoves, tellsImplementations: Bool, _ progress: (Int) -> Void
    ) throws(RestoreError) -> (builder: BaselineBuilder, obstacles: [Obstacle])? {
        var seen: Set<RegisterList> = []
        var best: (builder: BaselineBuilder, obstacles: [Obstacle])?
        var tried = 0
        for model in moves.hosts.sorted(by: { $0.name < $1.name }) {
            var builder = BaselineBuilder(
                hosts: moves.hosts, model: model, tellsImplementations: tellsImplementations)
            builder.build()
            let limit = best?.obstacles.count ?? .max
            if seen.insert(builder.registers).inserted,
                let obstacles = try moves.obstacles(builder, fewerThan: limit)
            {
                best = (builder, obstacles)
            }
            tried += model.names.count
            progress(tried)
        }
        return best
    }

    /// The same without the registers that are obstacles: some host would refuse to write them, or lose them again.
    private static func withoutObstacles(
        _ best: (builder: BaselineBuilder, obstacles: [Obstacle]), _ moves: BaselineMoves
    ) throws(RestoreError) -> (builder: BaselineBuilder, obstacles: [Obstacle]) {
        var (builder, obstacles) = best
        // A guest that cannot be told is not told: that it is not written makes no difference.
        let telling = obstacles.filter {
            $0.register == .vendorHypBmap2 && builder.tellsImplementations
        }
        while builder.leaveOut(Set(obstacles.map(\.register))) {
            obstacles = try moves.obstacles(builder, fewerThan: .max) ?? obstacles
        }
        return (builder, obstacles + telling.filter { !obstacles.contains($0) })
    }

    /// The features of an ordinary guest that every host has.
    private static func commonFeatures(_ profiles: [HostProfile]) -> VCPUFeatures {
        let ordinary = profiles.map { $0.vcpuInit?.features ?? [] }
        return ordinary.dropFirst().reduce(ordinary.first ?? []) { $0.intersection($1) }
    }

    private static func lostFeatures(
        _ profiles: [HostProfile], _ common: VCPUFeatures
    ) -> [(name: String, hosts: [String])] {
        let all = profiles.reduce(VCPUFeatures()) { $0.union($1.vcpuInit?.features ?? []) }
        return all.subtracting(common).names.map { name in
            let having = profiles.filter { $0.vcpuInit?.features.names.contains(name) ?? false }
            return (name, having.map(\.name))
        }
    }
}

/// Hosts of one kind, with a fresh vCPU of the common features on one of them.
struct BaselineHost {
    /// One of them.
    var name: String { names.first ?? profile.name }
    /// All of them.
    let names: [String]
    let profile: HostProfile
    let registers: RegisterList
    private let host: EmulatedHost
    private let request: VCPUInit

    init(
        _ profile: HostProfile, names: [String], features: VCPUFeatures
    ) throws(RestoreError) {
        self.profile = profile
        self.names = names
        host = EmulatedHost(profile)
        let target = profile.vcpuInit?.target ?? VCPUInit.genericTarget
        let request = VCPUInit(target: target, features: features)
        self.request = request
        let cpu = host.makeVCPUs(1)[0]
        registers = try RestoreError.wrapping { () throws(RegisterBankError) in
            try cpu.initialize(with: request)
            return try cpu.readAll()
        }
    }

    /// A guest that is started here with a baseline.
    func guest(
        with baseline: RegisterList
    ) throws(RestoreError) -> (state: UnitState, refusals: [(id: RegisterID, reason: String)]) {
        let vm = PlannedVM(on: host, vcpuCount: 1)
        let refusals = try vm.start(with: request.registers(with: baseline))
        return (try vm.guest(numbered: [0]).vcpus[0].unit, refusals)
    }

    /// What is lost when a guest comes here.
    func losses(of state: UnitState) throws(RestoreError) -> [RegisterRestore] {
        try PlannedVM(on: host, vcpuCount: 1).restore([state], policy: RestorePolicy(.safe))
            .flatMap(\.losses)
    }
}
