import VCPUSnap

/// JSON, by itself and as the description of a stream.
struct JSONTarget: Target {
    let name = "json"

    var seeds: [[UInt8]] {
        [
            #"{"page_size": 4096, "devices": [{"name": "cpu", "instance_id": 0, "fields": []}]}"#,
            #"["\u00e4\ud83d\ude00\n", -0, 1e400, 12345678901234567890, true, null, {}]"#,
        ].map { Array($0.utf8) }
    }

    func mutate(_ bytes: [UInt8], most: Int, _ random: inout Random) -> [UInt8] {
        random.once(in: 2) ? mutated(bytes, most: most) : mutatedJSON(bytes, &random)
    }

    func use(_ bytes: [UInt8]) {
        let value = try? JSONValue(parsing: bytes)
        if let value { check(value, of: bytes, depth: 0) }
        let commands = Commands(bytes)
        let sections = Array(Streams.small.prefix { $0 != UInt8(ascii: "{") }.dropLast(4))
        Workspace.write(sections + [UInt8].big(UInt64(bytes.count), 4) + bytes, to: "a.mig")
        commands.runInBothForms("show", "--partial", "a.mig")
        let plan = commands.run("plan", "a.mig", "--host", "o.vhost", "--qemu", "10.0")
        expect(
            value != nil || plan.isTrouble, "a stream is planned with whose description is no JSON")
    }

    /// Each value stands where it says: there it is read again as the same.
    private func check(_ value: JSONValue, of bytes: [UInt8], depth: Int) {
        guard value.range.lowerBound >= 0, value.range.upperBound <= bytes.count else {
            return finding("a value stands at \(value.range) of \(bytes.count) bytes")
        }
        if depth < 3 {
            let again = try? JSONValue(parsing: Array(bytes[value.range]))
            expect(
                again?.string == value.string && again?.integer == value.integer
                    && again?.bool == value.bool
                    && again?.array?.count == value.array?.count
                    && again?.members?.count == value.members?.count,
                "the value at \(value.range) is another when it is read alone")
        }
        for part in value.array ?? [] { check(part, of: bytes, depth: depth + 1) }
        for member in value.members ?? [] { check(member.value, of: bytes, depth: depth + 1) }
    }
}
