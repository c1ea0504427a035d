import VCPUSnap

/// An undo file beside streams that it may be of.
struct UndoTarget: Target {
    let name = "undo"
    private static let host = "o.vhost"

    /// A stream, what `mend` makes of it, and its undo file.
    private static let mended: (before: [UInt8], after: [UInt8], undo: [UInt8]) = {
        let before = Streams.small
        Workspace.write(Hosts.small, to: host)
        Workspace.write(before, to: "u.mig")
        Commands(before).run("mend", "u.mig", "--in-place", "--host", host, "--policy", "force")
        return (before, Workspace.read("u.mig") ?? [], Workspace.read("u.mig.undo") ?? [])
    }()

    var seeds: [[UInt8]] {
        let made = Self.mended
        let first = bytes(
            Array("VCPUUNDO".utf8), bigEndian([1, 40, 20, 0], 8), [UInt8](repeating: 1, count: 104))
        return [made.undo, Self.summed(first)]
    }

    private static func summed(_ bytes: [UInt8]) -> [UInt8] { bytes + SHA256.of([bytes]) }

    func mutate(_ bytes: [UInt8], most: Int, _ random: inout Random) -> [UInt8] {
        guard !random.once(in: 8), bytes.count >= 72 + 32 else { return mutated(bytes, most: most) }
        var body = Array(bytes.dropLast(32))
        switch random.below(4) {
        case 0: body.setBig(random.number(), 8, at: 8 * (1 + random.below(4)))
        case 1:
            let place = 8 * (2 + random.below(3))
            body.setBig(body.big(8, at: place) &+ UInt64(random.below(9)) &- 4, 8, at: place)
        case 2:
            // A context that fits wherever it begins.
            let start = Int(clamping: body.big(8, at: 32))
            let file = random.once(in: 2) ? Self.mended.after : Self.mended.before
            guard start <= file.count else { break }
            let digest = SHA256.of([Array(file[max(0, start - 65536)..<start])])
            body.replaceSubrange(40..<72, with: digest)
        default: body = mutated(body, most: most - 32)
        }
        return Self.summed(body)
    }

    func use(_ bytes: [UInt8]) {
        let commands = Commands(bytes)
        for file in [Self.mended.after, Self.mended.before] {
            Workspace.write(file, to: "a.mig")
            Workspace.write(bytes, to: "a.mig.undo")
            let outcome = commands.run("unmend", "a.mig")
            let result = Workspace.read("a.mig") ?? []
            if outcome.isTrouble {
                expect(
                    result == file && Workspace.read("a.mig.undo") == bytes,
                    "unmend failed and changed")
            } else {
                expect(Workspace.read("a.mig.undo") == nil, "the undo file is left")
                expect(
                    result == file || result == restored(file, bytes),
                    "it is not as the undo file has it")
            }
            mendBeside(bytes, file, commands)
        }
    }

    /// The bytes before START, and those that the undo file has.
    private func restored(_ file: [UInt8], _ undo: [UInt8]) -> [UInt8]? {
        let (before, start) = (
            Int(clamping: undo.big(8, at: 16)), Int(clamping: undo.big(8, at: 32))
        )
        let offset = undo.big(8, at: 8) == 1 ? 104 : 72
        guard start <= before, start <= file.count, offset + before - start <= undo.count else {
            return nil
        }
        return Array(file[..<start] + undo[offset..<offset + before - start])
    }

    /// Whatever lies there, the stream or an undo file has the original.
    private func mendBeside(_ bytes: [UInt8], _ file: [UInt8], _ commands: Commands) {
        Workspace.write(file, to: "a.mig")
        Workspace.write(bytes, to: "a.mig.undo")
        let outcome = commands.run(
            "mend", "a.mig", "--in-place", "--host", Self.host, "--policy", "force")
        guard outcome.isTrouble || Workspace.read("a.mig") == file else {
            commands.run("unmend", "a.mig")
            expect(
                Workspace.read("a.mig") == file,
                "mended beside another undo file, it is not restored")
            return
        }
        expect(Workspace.read("a.mig") == file, "mend failed and changed")
    }
}
