internal import CLinux
internal import LinuxSystem
internal import Registers
internal import VCPUModel

/// The registers of a VM and its vCPUs that are attributes of its devices, and its clock.
///
/// They are read while the process stands still for the reading of its vCPUs, and taken apart after that. Once one was
/// written, each is read by a call of its own.
final class AttachedDevices {
    let model: GICModel?
    private let controller: VMMProcess.Controller?
    private let vcpus: [VMMProcess.VCPUDescriptor]
    private let leavesOut: Set<RegisterCategory>
    /// What is asked for together with the vCPUs' registers: it needs none of them.
    private var first: [DeviceQuestion] = []
    /// What is asked for by the affinity of a vCPU, or up to the last INTID; those of the lowest INTIDs come first.
    private var second: [DeviceQuestion] = []
    /// The calls for these, should the vCPUs be as KVM made them.
    private var expected = (keys: Keys(), asked: Asked())

    private struct Asked {
        var questions: [DeviceQuestion] = []
        var batch = CallBatch()
    }

    private typealias Keys = [UnitID: Key]

    /// Of a vCPU, for its registers; of any vCPU, for the VM's.
    private struct Key: Hashable {
        var vcpu: VCPUKey
        var hasEL2 = false
    }

    private var answers: [Asked] = []
    private var takenApart: [UnitID: [RegisterID: Result<RegisterValue, Errno>]]?
    /// Whether something was written since.
    private var isStale = false
    /// What was read of the clock at one instant; nil where it was not asked for.
    private(set) var clock: [RegisterID: UInt64]?

    init(
        of vcpus: [VMMProcess.VCPUDescriptor], _ controller: VMMProcess.Controller?,
        leavingOut leavesOut: Set<RegisterCategory>
    ) {
        self.vcpus = vcpus
        self.leavesOut = leavesOut
        let controller = leavesOut.contains(.interruptController) ? nil : controller
        self.controller = controller
        model = controller?.model
        if let controller { prepare(controller) }
        for vcpu in vcpus {
            ask(for: RegisterID.attributesOfVCPU, of: vcpu.unit, on: vcpu.descriptor)
        }
        if let vcpu = vcpus.first {
            ask(for: RegisterID.timerInterrupts, of: .vm, on: vcpu.descriptor)
        }
        expectFreshVCPUs()
    }

    /// Done before the process stands still, because it takes long.
    private func expectFreshVCPUs() {
        second.sort { $0.lowestINTID < $1.lowestINTID }
        let keys = keys { vcpu in
            let mpidr = RegisterID.mpidr(ofVCPU: vcpu.number)
            return Key(vcpu: VCPUKey(mpidr: mpidr, index: vcpu.number))
        }
        expected = (keys, rest(keys))
    }

    private func keys(_ key: (VMMProcess.VCPUDescriptor) -> Key?) -> Keys {
        var keys: Keys = [:]
        for vcpu in vcpus {
            guard let key = key(vcpu) else { continue }
            keys[vcpu.unit] = key
            if keys[.vm] == nil { keys[.vm] = key }
        }
        return keys
    }

    private func rest(_ keys: Keys) -> Asked {
        var rest = Asked()
        for question in second {
            guard let key = keys[question.unit], key.hasEL2 || !question.id.isOfEL2 else {
                continue
            }
            rest.questions.append(question)
            question.add(to: &rest.batch, key.vcpu, model)
        }
        return rest
    }

    private func prepare(_ controller: VMMProcess.Controller) {
        let regions = vcpus.indices.compactMap {
            RegisterID.redistributorRegion(UInt16(clamping: $0))
        }
        ask(for: GICModel.setUp + regions, of: .vm, on: controller.descriptor)
        for (number, descriptor) in controller.translators.enumerated() {
            guard let number = UInt8(exactly: number) else { break }
            let address = RegisterID.address(ofITS: number)
            ask(
                for: [address].compactMap(\.self) + GICModel.registers(ofITS: number), of: .vm,
                on: descriptor)
        }
        second += questions(for: controller.model.vmRegisters, of: .vm, on: controller.descriptor)
        for vcpu in vcpus {
            second += questions(
                for: controller.model.vcpuRegisters, of: vcpu.unit, on: controller.descriptor)
        }
    }

    private func ask(for ids: [RegisterID], of unit: UnitID, on descriptor: Int) {
        first += questions(for: ids, of: unit, on: descriptor)
    }

    private func questions(
        for ids: [RegisterID], of unit: UnitID, on descriptor: Int
    ) -> [DeviceQuestion] {
        ids.filter { !leavesOut.contains(RegisterCategory(of: $0)) }
            .flatMap { DeviceQuestion.all(for: $0, of: unit, on: descriptor) }
    }

    var vcpuCount: Int { vcpus.count }

    /// How many ITSs there are.
    var translatorCount: Int { controller?.translators.count ?? 0 }

    /// Whether anything is to be read.
    var areAskedFor: Bool { !first.isEmpty || asksForClock }

    /// Whether these registers are left out.
    func leavesOut(_ id: RegisterID) -> Bool { leavesOut.contains(RegisterCategory(of: id)) }

    private var asksForClock: Bool { !leavesOut.contains(.clock) && !vcpus.isEmpty }

    // MARK: Reading

    /// Reads everything of the vCPUs, and all that they and the VM have of devices.
    func capture(_ calls: AttachedCalls) throws(Errno) -> [RawVCPUImage] {
        let takesTurns = calls.hasThreadForDevices
        let asked = first.filter { !takesTurns || $0.id.isOfVCPUDescriptor }
        var batch = Self.batch(of: asked, model)
        let readsClock = asksForClock && (takesTurns || second.isEmpty)
        if readsClock { addCounts(to: &batch) }
        let images = try calls.readAll(vcpus.map(\.descriptor), &batch)
        if readsClock { takeCounts(from: batch) }
        answers = [Asked(questions: asked, batch: batch)]
        if takesTurns {
            let rest = first.filter { !$0.id.isOfVCPUDescriptor }
            var batch = Self.batch(of: rest, model)
            try calls.changeToThreadForDevices(making: &batch)
            answers.append(Asked(questions: rest, batch: batch))
        }
        guard !second.isEmpty else { return images }
        try captureRest(images, readingClock: asksForClock && !readsClock, calls)
        return images
    }

    private static func batch(of questions: [DeviceQuestion], _ model: GICModel?) -> CallBatch {
        var batch = CallBatch()
        for question in questions {
            question.add(to: &batch, VCPUKey(mpidr: 0, index: 0), model)
        }
        return batch
    }

    private func captureRest(
        _ images: [RawVCPUImage], readingClock: Bool, _ calls: AttachedCalls
    ) throws(Errno) {
        let images = Dictionary(zip(vcpus.map(\.unit), images)) { first, _ in first }
        let keys = keys { vcpu in
            guard let image = images[vcpu.unit],
                let mpidr = image.word(of: RegisterID.mpidrEL1.rawValue)
            else { return nil }
            let hasEL2 = image.ids.contains(RegisterID.hcrEL2.rawValue)
            return Key(vcpu: VCPUKey(mpidr: mpidr, index: vcpu.number), hasEL2: hasEL2)
        }
        let all = keys == expected.keys ? expected.asked : rest(keys)
        let bound = interruptCount
        let asked = Array(all.questions.prefix { $0.lowestINTID < bound })
        var batch = all.batch.prefix(asked.count)
        if readingClock { addCounts(to: &batch) }
        _ = try calls.readAll([], &batch)
        if readingClock { takeCounts(from: batch) }
        answers.append(Asked(questions: asked, batch: batch))
    }

    /// INTIDs below this are there.
    private var interruptCount: UInt64 {
        for answer in answers {
            let (questions, batch) = (answer.questions, answer.batch)
            guard let place = questions.firstIndex(where: { $0.id == .gicNrIrqs }),
                batch.result(place) == 0, let answer = batch.buffer(place).last
            else { continue }
            return questions[place].bits(in: answer)
        }
        return 0
    }

    /// The counts are read last, as near as can be to the time that is read when the thread has stopped.
    private func addCounts(to batch: inout CallBatch) {
        for id in Self.counts {
            batch.add(
                CLINUX_KVM_GET_ONE_REG, on: vcpus[0].descriptor, id: id.register.rawValue, room: 1)
        }
    }

    private func takeCounts(from batch: CallBatch) {
        var sample: [RegisterID: UInt64] = [
            .clockRealtime: SystemClock.nanosecondsSinceEpoch(),
            .clockCntfrq: HostIdentity.counterFrequency(),
        ]
        for (index, id) in Self.counts.enumerated() {
            let place = batch.count - Self.counts.count + index
            if batch.result(place) == 0 { sample[id.clock] = batch.buffer(place).last }
        }
        clock = sample[.clockCntvct] == nil ? nil : sample
    }

    /// The clock's counts, and the registers of a vCPU that have them.
    private static let counts = [RegisterID.clockCntvct, .clockCntpct].compactMap { clock in
        clock.counter.map { (clock: clock, register: $0) }
    }

    // MARK: What was read

    private var values: [UnitID: [RegisterID: Result<RegisterValue, Errno>]] {
        if let takenApart { return takenApart }
        var values: [UnitID: [RegisterID: Result<RegisterValue, Errno>]] = [:]
        for answer in answers {
            for (place, question) in answer.questions.enumerated() {
                let before = values[question.unit]?[question.id]
                values[question.unit, default: [:]][question.id] = Self.result(
                    of: question, answer.batch, place, before)
            }
        }
        takenApart = values
        answers = []
        return values
    }

    /// - Parameter before: what was read of the register's other parts.
    private static func result(
        of question: DeviceQuestion, _ batch: CallBatch, _ place: Int,
        _ before: Result<RegisterValue, Errno>?
    ) -> Result<RegisterValue, Errno> {
        if let errno = Errno(result: batch.result(place)) { return .failure(errno) }
        if case .failure? = before { return before ?? .failure(.io) }
        let lower = (try? before?.get().lowBits) ?? 0
        let bits = lower | question.bits(in: batch.buffer(place).last ?? 0)
        return .success(RegisterValue(bits, size: question.id.size ?? 0))
    }

    /// Why the interrupt controller could not be read, though there is one; nil where it was.
    var refusal: RegisterBankError? {
        for (id, result) in values.values.joined() where !id.isOfVCPUDescriptor {
            guard case .failure(let errno) = result, let reason = Self.refusals[errno] else {
                continue
            }
            return RegisterBankError(
                .read, .gicModel, errno,
                explanation: "\(reason); nothing of the interrupt controller is saved")
        }
        return nil
    }

    private static let refusals: [Errno: String] = [
        .busy: "it is not initialized yet, or a thread that does not stop is in a call for a vCPU",
        .canceled: "filters of the process (seccomp) do not allow it",
    ]

    /// Those that a unit has; none of an interrupt controller that could not be read.
    func ids(of unit: UnitID) -> [RegisterID] {
        let isRefused = refusal != nil
        return (values[unit] ?? [:]).compactMap { id, result in
            if isRefused, !id.isOfVCPUDescriptor { return nil }
            guard case .failure(let errno) = result else { return id }
            if id.isOfVCPUDescriptor { return errno == .canceled ? id : nil }
            // KVM says of active priorities that it does not have what it says of bad values.
            return id.architecture == .own && !Self.absences.contains(errno) ? id : nil
        }
    }

    private static let absences: [Errno] = [.noDeviceOrAddress, .noDevice, .noEntry]

    /// Whether a register of a unit is an attribute.
    func have(_ id: RegisterID, of unit: UnitID) -> Bool { values[unit]?[id] != nil }

    func value(of id: RegisterID, of unit: UnitID) throws(RegisterBankError) -> RegisterValue {
        guard let result = values[unit]?[id] else {
            throw RegisterBankError(.read, id, .noEntry)
        }
        return try Errno.translating(try result.get()) { Self.failure(.read, id, $0) }
    }

    private static func failure(
        _ operation: RegisterBankError.Operation, _ id: RegisterID, _ errno: Errno
    ) -> RegisterBankError {
        RegisterBankError(
            ofDevice: operation, id, errno,
            explanation: errno == .canceled ? AttachedVCPUBank.forbiddenCall : nil)
    }

    // MARK: By calls of their own

    /// - Parameter key: of the vCPU that is asked about.
    func read(
        _ id: RegisterID, of unit: UnitID, _ calls: AttachedCalls,
        _ key: () throws(RegisterBankError) -> VCPUKey
    ) throws(RegisterBankError) -> RegisterValue {
        guard isStale, have(id, of: unit), let descriptor = descriptor(for: id, of: unit) else {
            return try value(of: id, of: unit)
        }
        let key = try key()
        var batch = CallBatch()
        let questions = DeviceQuestion.all(for: id, of: unit, on: descriptor)
        for question in questions { question.add(to: &batch, key, model) }
        try make(&batch, calls, .read, id)
        var result: Result<RegisterValue, Errno>?
        for (place, question) in questions.enumerated() {
            result = Self.result(of: question, batch, place, result)
        }
        return try Errno.translating(try (result ?? .failure(.noEntry)).get()) {
            Self.failure(.read, id, $0)
        }
    }

    func write(
        _ value: RegisterValue, to id: RegisterID, of unit: UnitID, _ calls: AttachedCalls,
        _ key: () throws(RegisterBankError) -> VCPUKey
    ) throws(RegisterBankError) {
        try value.checkSize(for: id)
        guard have(id, of: unit), let descriptor = descriptor(for: id, of: unit) else {
            throw RegisterBankError(.write, id, .noEntry)
        }
        if id == .iccCTLREL1 {
            try value.checkIsTaken(asControlOver: read(id, of: unit, calls, key))
        }
        let key = try key()
        var batch = CallBatch()
        if let clearing = id.clearingAttribute(with: model ?? .v3) {
            add(~value.lowBits, of: id, to: &batch, [clearing], key, descriptor)
        }
        add(value.lowBits, of: id, to: &batch, id.attributes, key, descriptor)
        isStale = true
        try make(&batch, calls, .write, id)
        for call in 0..<batch.count {
            guard let errno = Errno(result: batch.result(call)) else { continue }
            throw Self.failure(.write, id, errno)
        }
    }

    private func add(
        _ bits: UInt64, of id: RegisterID, to batch: inout CallBatch,
        _ attributes: [DeviceAttribute], _ key: VCPUKey, _ descriptor: Int
    ) {
        let isHalf = (id.size ?? 0) < 8
        for (part, attribute) in attributes.enumerated() {
            let word = (isHalf ? bits & 0xffff_ffff : bits) >> (UInt64(part) << 5)
            batch.add(
                CLINUX_KVM_SET_DEVICE_ATTR, on: descriptor, group: attribute.group,
                attribute: key.attributeNumber(of: attribute, with: model), value: word)
        }
    }

    private func make(
        _ batch: inout CallBatch, _ calls: AttachedCalls,
        _ operation: RegisterBankError.Operation, _ id: RegisterID
    ) throws(RegisterBankError) {
        do throws(Errno) {
            try calls.make(&batch)
        } catch {
            throw RegisterBankError(operation, id, error, explanation: calls.problem?.description)
        }
    }

    private func descriptor(for id: RegisterID, of unit: UnitID) -> Int? {
        switch id.deviceAttribute?.device {
        case .gic: return controller?.descriptor
        case .its(let number):
            guard let controller, Int(number) < controller.translators.count else { return nil }
            return controller.translators[Int(number)]
        case .vcpu: return (vcpus.first { $0.unit == unit } ?? vcpus.first)?.descriptor
        case nil: return nil
        }
    }
}

extension RegisterID {
    fileprivate var isOfVCPUDescriptor: Bool { deviceAttribute?.device == .vcpu }
}

extension VMMProcess.VCPUDescriptor {
    var number: UInt32 { UInt32(clamping: index) }

    var unit: UnitID { .vcpu(number) }
}
