internal import Registers
internal import VCPUModel

/// The file `irqchip`: the interrupt controller, and whether vCPUs run.
struct CrosvmChip {
    let words: InterruptWords
    let mpStates: [UInt32?]

    /// `KVM_MP_STATE_*` by crosvm's names, in the kernel's order.
    private static let names = [
        "Runnable", "Uninitialized", "InitReceived", "Halted", "SipiReceived", "Stopped",
        "CheckStop", "Operating", "Load",
    ]
    /// GICD_TYPER, by the number of its word.
    private static let typer = 1

    init(_ file: CrosvmSnapshot.Part, _ mpidrs: [UInt64?]) throws(VMMFileError) {
        func damaged(_ name: String, _ expected: String) -> VMMFileError {
            .damaged("\(file.name), \(name)", at: nil, expected: expected, found: "another value")
        }
        guard let distributor = file.item["dist_regs"]?.numbers, distributor.count > Self.typer
        else { throw damaged("dist_regs", "the words of the distributor") }
        guard let members = file.item["cpu_specific"]?.numbered else {
            throw damaged("cpu_specific", "a map by affinities")
        }
        var words = InterruptWords(.v3, vcpuCount: mpidrs.count)
        // The frame has room for interrupts that the VM does not have.
        words.add(
            try Self.words(distributor, damaged("dist_regs", "words of 32 bits")), of: .distributor,
            upTo: (distributor[Self.typer] & 31 + 1) << 5)
        var states = [UInt32?](repeating: nil, count: mpidrs.count)
        for (key, value) in members {
            guard
                let vcpu = mpidrs.firstIndex(where: {
                    $0.map { UInt64(UInt32(affinityIn: $0)) << 32 } == key
                })
            else { continue }
            guard let frame = value["redist_regs"]?.numbers,
                let interface = value["cpu_sys_regs"]?.numbered,
                let state = value["mp_state"]?.text.flatMap({ Self.names.firstIndex(of: $0) })
            else { throw damaged("cpu_specific", "registers and an MP state of each vCPU") }
            words.add(
                try Self.words(frame, damaged("redist_regs", "words of 32 bits")),
                of: .redistributor, vcpu: vcpu)
            for (encoding, item) in interface {
                guard let bits = item.number else { throw damaged("cpu_sys_regs", "numbers") }
                words.add(bits, ofSystemRegister: encoding, vcpu: vcpu)
            }
            states[vcpu] = UInt32(state)
        }
        words.setInterruptCount()
        self.words = words
        mpStates = states
    }

    /// The words of a frame.
    /// - Parameter problem: where one has more than 32 bits.
    private static func words(
        _ numbers: [UInt64], _ problem: VMMFileError
    ) throws(VMMFileError) -> [(offset: UInt64, word: UInt32)] {
        let words = numbers.compactMap { UInt32(exactly: $0) }
        guard words.count == numbers.count else { throw problem }
        return words.enumerated().map { (UInt64($0) << 2, $1) }
    }
}
