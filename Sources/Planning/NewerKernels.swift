internal import Emulation
internal import Registers
internal import Synchronization
internal import VCPUModel

/// The destination with newer kernels, as they are derived for `plan --kernel`, each made and asked once for a plan.
final class NewerKernels: Sendable {
    private struct Question: Hashable {
        var value: RegisterValue
        var id: RegisterID
        var kernel: KernelVersion
        var made: VCPUInit?
    }

    private let profile: HostProfile
    private let hosts = Mutex([KernelVersion: HostProfile?]())
    private let answers = Mutex([Question: Bool]())

    init(of profile: HostProfile) { self.profile = profile }

    /// Whether a register of a guest's vCPU would take a value there; true where no such host can be derived, so that only the rules of
    /// the kernel tell.
    /// - Parameter made: how the guest's vCPU was initialized; nil for one as the host makes it.
    func take(
        _ value: RegisterValue, in id: RegisterID, with kernel: KernelVersion, made: VCPUInit?
    ) -> Bool {
        let question = Question(value: value, id: id, kernel: kernel, made: made)
        if let answer = answers.withLock({ $0[question] }) { return answer }
        let answer = host(with: kernel).map { Self.takes(question, $0) } ?? true
        answers.withLock { $0[question] = answer }
        return answer
    }

    private func host(with kernel: KernelVersion) -> HostProfile? {
        if let host = hosts.withLock({ $0[kernel] }) { return host }
        let like = profile.midr.flatMap { try? HostProfile.builtIn(ofCPU: $0) } ?? []
        let host = try? profile.withKernel("\(kernel)", like: like)
        hosts.withLock { $0[kernel] = .some(host) }
        return host
    }

    private static func takes(_ question: Question, _ host: HostProfile) -> Bool {
        let vcpu = EmulatedCPU(profile: host, initialized: question.made == nil)
        do {
            // What the host does not have is a loss of VCPU_INIT.
            if let made = question.made {
                try vcpu.initialize(
                    with: VCPUInit(
                        target: host.vcpuInit?.target ?? made.target,
                        features: made.features.intersection(host.features)))
            }
            try vcpu.write(question.value, to: question.id)
            return try vcpu.read(question.id) == question.value
        } catch {
            return false
        }
    }
}
