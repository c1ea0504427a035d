/// Code that is in the process anyway.
struct ExistingCode: Hashable {
    /// `mov x8, #139; svc #0`, rt_sigreturn: the kernel puts it into every process (vdso).
    var trampoline: UInt64
    /// `svc #0; ret`.
    var systemCall: UInt64

    /// Where a call made there returns to.
    var behindSystemCall: UInt64 { systemCall + 4 }

    static let supervisorCall: UInt32 = 0xd400_0001
    private static let moveNumber: UInt32 = 0xd280_1168
    private static let goBack: UInt32 = 0xd65f_03c0

    /// Nil when it has not both.
    init?(in memory: ProcessMemory, _ mappings: [ProcessFiles.Mapping]) {
        let executable = mappings.filter { $0.isExecutable }
        // The vdso, which is small, has both on every kernel so far.
        let ordered =
            executable.filter { $0.name == "[vdso]" } + executable.filter { $0.name != "[vdso]" }
        var trampoline: UInt64?
        var systemCall: UInt64?
        for mapping in ordered {
            let code = Self.instructions(in: mapping, memory)
            trampoline =
                trampoline
                ?? Self.find(Self.moveNumber, Self.supervisorCall, code, mapping.range.lowerBound)
            systemCall =
                systemCall
                ?? Self.find(Self.supervisorCall, Self.goBack, code, mapping.range.lowerBound)
            if let trampoline, let systemCall {
                self.trampoline = trampoline
                self.systemCall = systemCall
                return
            }
        }
        return nil
    }

    private static func instructions(
        in mapping: ProcessFiles.Mapping, _ memory: ProcessMemory
    ) -> [UInt64] {
        let size = min(mapping.range.upperBound - mapping.range.lowerBound, maximumSearched)
        return (try? memory.read(Int(size / 8), at: mapping.range.lowerBound)) ?? []
    }

    private static func find(
        _ first: UInt32, _ second: UInt32, _ code: [UInt64], _ base: UInt64
    ) -> UInt64? {
        var previous: UInt32 = 0
        for (index, word) in code.enumerated() {
            let low = UInt32(truncatingIfNeeded: word)
            let high = UInt32(truncatingIfNeeded: word >> 32)
            if previous == first, low == second { return base + UInt64(index * 8) - 4 }
            if low == first, high == second { return base + UInt64(index * 8) }
            previous = high
        }
        return nil
    }

    private static let maximumSearched: UInt64 = 1 << 24
}
