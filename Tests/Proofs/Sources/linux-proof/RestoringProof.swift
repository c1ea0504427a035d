import Glibc
import LinuxVMM
import VCPUSnap

/// Lets a guest go on from one stop.
struct RestoringProof {
    let stops: Stops
    let point: Int
    let clock: ClockMode
    let policy: RestorePolicy

    /// Beats by which a guest shows that it is well, if its end does not come before.
    private static let beats = 10
    /// As many have to do for letters to be read: a guest whose clock has made a step catches up with its beats first.
    private static let mostBeats = 60
    /// In seconds: by what two clocks of a host may differ.
    private static let slack: Double = 1

    func run() throws {
        let snapshot = try stops.snapshot(point)
        let (console, saidBefore) = try stops.console(point)
        var log = saidBefore
        let guest = try LinuxGuest(cpus: snapshot.vcpus.count)
        try stops.fill(guest.memory, at: point)
        linux_vmm_set_console(console)
        log.hasSteppedClock = clock == .wall
        var options = Restore.Options()
        options.clock = clock
        options.policy = policy
        let passed = try secondsSince(snapshot)
        let losses = try guest.restore(snapshot, options: options)
        guard losses.isEmpty else {
            throw ProofError("was lost: \(losses.joined(separator: "; "))")
        }
        print("restored, \(passed) s after it was saved")
        try guest.run()
        // The first one may have been told in part when the guest was stopped.
        guard try log.nextBeat() != nil, let beat = try log.nextBeat() else {
            throw ProofError("the guest was stopped too near its end")
        }
        try check(beat, snapshot, passed)
        linux_vmm_type()
        try goOn(&log)
    }

    private func goOn(_ log: inout BeatLog) throws {
        var hasEveryLetter = false
        for number in 1...Self.mostBeats {
            guard let beat = try log.nextBeat() else { break }
            hasEveryLetter = beat.hasEveryLetter
            if hasEveryLetter, number >= Self.beats { break }
        }
        guard hasEveryLetter else {
            throw GuestFault("not every letter that was typed was read, after one interrupt each")
        }
        print("all right")
    }

    /// The count went on from where it was, or from there and by the time that has passed.
    private func check(_ beat: BeatLog.Beat, _ snapshot: Snapshot, _ passed: Double) throws {
        guard let saved = snapshot.vm[.clockCntvct]?.lowBits, beat.count >= saved else {
            throw GuestFault("the count went back to \(beat.count)")
        }
        let seconds = Double(beat.count - saved) / Double(beat.frequency)
        let expected = clock == .wall ? passed : 0
        let since = try secondsSince(snapshot) - passed
        guard (expected - Self.slack...expected + since + Self.slack).contains(seconds) else {
            throw GuestFault("the clock went on by \(seconds) s, not by \(expected) and \(since)")
        }
    }

    private func secondsSince(_ snapshot: Snapshot) throws -> Double {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let saved = Double(snapshot.vm[.clockRealtime]?.lowBits ?? 0) / 1e9
        return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9 - saved
    }
}
