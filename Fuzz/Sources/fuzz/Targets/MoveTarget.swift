import VCPUSnap

/// What `move` sends to the other host, where `receive` carries it out.
struct MoveTarget: Target {
    let name = "move"
    private static let start = Array("vcpusnap-move 1\n".utf8)

    var seeds: [[UInt8]] {
        [
            order("emulated:o.vhost", "--format json --show-keys", "safe", ""),
            order("new", "--format text", "own.vpolicy", "vpolicy 1\nbase force\n"),
            order("emulated:o.vhost", "--format text --clock stop", "exact", ""),
        ]
    }

    private func order(
        _ target: String, _ options: String, _ policy: String, _ text: String
    ) -> [UInt8] {
        let texts = ["g.vcpusnap", target, options, policy, text].map { Array($0.utf8) }
        return Self.start + (texts + [Guests.small]).flatMap(Self.encoded)
    }

    private static func encoded(_ part: [UInt8]) -> [UInt8] {
        Array("\(part.count):".utf8) + part + [UInt8(ascii: ",")]
    }

    /// The parts; nil where it is not whole, and then nothing may be done.
    private static func parts(of bytes: [UInt8]) -> [[UInt8]]? {
        guard bytes.starts(with: start) else { return nil }
        var (parts, rest) = ([[UInt8]](), bytes.dropFirst(start.count))
        while !rest.isEmpty {
            let digits = rest.prefix { $0 != UInt8(ascii: ":") }
            let body = rest.dropFirst(digits.count).dropFirst()
            guard let length = Int(String(decoding: digits, as: UTF8.self)), length >= 0,
                length < body.count, body.dropFirst(length).first == UInt8(ascii: ",")
            else { return nil }
            parts.append(Array(body.prefix(length)))
            rest = body.dropFirst(length).dropFirst()
        }
        return parts.count == 6 ? parts : nil
    }

    func mutate(_ bytes: [UInt8], most: Int, _ random: inout Random) -> [UInt8] {
        guard !random.once(in: 8), var parts = Self.parts(of: bytes) else {
            return mutated(bytes, most: most)
        }
        let place = random.below(parts.count)
        parts[place] = mutated(parts[place], most: max(1, most - bytes.count))
        return Array((Self.start + parts.flatMap(Self.encoded)).prefix(most))
    }

    func use(_ bytes: [UInt8]) {
        let parts = Self.parts(of: bytes)
        guard parts?.prefix(4).allSatisfy(isHarmless) ?? true else { return }
        let commands = Commands(bytes)
        Workspace.write(Hosts.other, to: "o.vhost")
        let outcome = commands.run("receive", input: bytes)
        expect(parts != nil || outcome.isTrouble, "an order that is not whole is carried out")
        guard let target = parts?[1], target == Array("new".utf8) else { return }
        if outcome.isTrouble {
            expect(Workspace.read("new") == nil, "receive failed and left a file")
        } else {
            expect(Workspace.read("new") == parts?[5], "what arrived is not what was kept")
            checkSound("new", commands)
        }
    }

    /// Nothing leaves the folder or reaches a process.
    private func isHarmless(_ part: [UInt8]) -> Bool {
        let text = String(decoding: part, as: UTF8.self)
        return !(["/", "..", "\0"] + ForbiddenSources.schemes).contains { text.contains($0) }
    }
}
