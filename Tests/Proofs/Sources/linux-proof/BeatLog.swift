import Glibc
import LinuxVMM

/// Reads what the guest writes, and judges it line by line.
struct BeatLog {
    /// A line in which the guest's program says that it is well (Tests/LinuxGuest/init.c).
    struct Beat {
        var number = 0
        /// CNTVCT_EL0, and the bits of it that a second takes.
        var count: UInt64 = 0
        var frequency: UInt64 = 0
        /// Letters that the guest has read, and how often the console has interrupted it.
        var typed: UInt64 = 0
        var interrupts: UInt64 = 0

        /// Whether each letter was read, and came by an interrupt of its own.
        var hasEveryLetter: Bool { typed == interrupts && typed == Self.lettersTyped }

        static var lettersTyped: UInt64 { UInt64(linux_vmm_console().typed) }

        init?(_ line: Substring) {
            let words = line.split(separator: " ")
            guard words.first == "beat", words.count % 2 == 0 else { return nil }
            var numbers: [Substring: UInt64] = [:]
            for index in stride(from: 0, to: words.count, by: 2) {
                guard let number = UInt64(words[index + 1]) else { return nil }
                numbers[words[index]] = number
            }
            guard let beat = numbers["beat"], let count = numbers["count"],
                let frequency = numbers["frequency"], let typed = numbers["typed"],
                let interrupts = numbers["interrupts"]
            else { return nil }
            number = Int(beat)
            self.count = count
            self.frequency = frequency
            self.typed = typed
            self.interrupts = interrupts
        }
    }

    /// The number of the last beat, 0 before the first.
    private(set) var lastBeat: Int
    /// What there is of the line that the guest writes.
    private(set) var unfinished: String
    /// Whether the guest has said that all is right, and turned itself off.
    private(set) var isFinished = false

    /// Words of a kernel that does not get what it waits for, or does not believe its clock.
    private static let complaints = [
        "rcu", "stall", "lockup", "clocksource", "hung", "BUG", "WARNING", "Oops", "panic",
        "unexpected",
        "Time went", "nobody cared",
    ]
    /// Whether the guest's clock has made a step, for which no vCPU ran: its kernel may complain that they were stuck.
    var hasSteppedClock = false

    /// In seconds of silence, many times what a beat, or the boot, takes on the slowest host.
    private var patience: Double { lastBeat > 0 ? 30 : 240 }

    init(after beat: Int = 0, unfinished: String = "") {
        lastBeat = beat
        self.unfinished = unfinished
    }

    /// The next beat; nil at the end of the guest, when all was right.
    mutating func nextBeat() throws -> Beat? {
        let start = Self.now()
        while true {
            while let line = nextLine() {
                if let beat = try judge(line) { return beat }
            }
            if linux_vmm_is_over(), isFinished { return nil }
            guard Self.now() - start < patience, !linux_vmm_is_over() || receive() else {
                throw GuestFault("after beat \(lastBeat) the guest is silent")
            }
            if !receive() { usleep(2000) }
        }
    }

    /// Takes what the guest has written until now, without waiting.
    mutating func catchUp() throws {
        while receive() {}
        while let line = nextLine() { _ = try judge(line) }
    }

    private mutating func receive() -> Bool {
        var bytes = [CChar](repeating: 0, count: 4096)
        let count = linux_vmm_output(&bytes, bytes.count)
        unfinished += String(
            decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return count > 0
    }

    private mutating func nextLine() -> Substring? {
        guard let end = unfinished.unicodeScalars.firstIndex(of: "\n") else { return nil }
        let line = unfinished[..<end].filter { $0 != "\r" }
        unfinished = String(
            unfinished.unicodeScalars[unfinished.unicodeScalars.index(after: end)...])
        return Substring(line)
    }

    private mutating func judge(_ line: Substring) throws -> Beat? {
        print("    \(line)")
        if line.hasPrefix("wrong") { throw GuestFault("the guest says: \(line)") }
        if line == "all right" { isFinished = true }
        if lastBeat > 0, !hasSteppedClock,
            let word = Self.complaints.first(where: { line.contains($0) })
        {
            throw GuestFault("the guest's kernel complains (\(word)): \(line)")
        }
        guard let beat = Beat(line) else { return nil }
        guard beat.number == lastBeat + 1 else {
            throw GuestFault("beat \(beat.number) came after beat \(lastBeat)")
        }
        guard beat.typed <= beat.interrupts, beat.interrupts <= Beat.lettersTyped else {
            throw GuestFault(
                "\(beat.typed) of \(Beat.lettersTyped) letters came by \(beat.interrupts) interrupts"
            )
        }
        lastBeat = beat.number
        return beat
    }

    private static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
