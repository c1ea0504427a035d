import LinuxSystem
import QEMUStream
import Registers
import SeededRandom
import TestFiles
import Testing
import VCPUModel

/// What comes of reading bytes: the numbers of the vCPUs, or why there are none.
private func outcome(
    _ bytes: [UInt8], _ reading: StreamReading = .whole
) -> Result<[UInt32], QEMUStreamError> {
    Result { () throws(QEMUStreamError) in
        try QEMUStream(bytes, reading: reading).cpus.map(\.instance)
    }
}

/// Two vCPUs with everything that QEMU writes for them.
private let crafted: CraftedStream = {
    var cpu = CraftedCPU()
    cpu.list += [(RegisterID.sctlrEL1.rawValue, 1), (RegisterID.psciVersion.rawValue, 2)]
    cpu.subsections = [CraftedSubsection("cpu/irq-line-state", [0, 0, 0, 0])]
    var second = cpu
    second.instance = 1
    second.number = 8
    var stream = CraftedStream(cpu, second)
    stream.head = CraftedStream.configuredHead
    stream.hasCommon = true
    return stream
}()

/// The same, as `xen-save-devices-state` writes it.
private let devices: CraftedStream = {
    var stream = crafted
    stream.head = Array("QEVM".utf8) + bigEndian(3, 4)
    stream.isDescribed = false
    return stream
}()

/// Where the section of that name and number begins.
private func section(_ name: String, _ instance: UInt32, in bytes: [UInt8]) throws -> Int {
    let header = [UInt8(name.utf8.count)] + Array(name.utf8) + bigEndian(instance, 4)
    return try #require(bytes.indices.first { bytes[$0...].starts(with: header) }) - 5
}

@Suite("Streams that are cut off")
struct StreamEndTests {
    /// Expects that every cut is refused by the byte where it is.
    private func expectRefused(
        _ bytes: [UInt8], cutsFrom first: Int = 0, step: Int = 1,
        location: SourceLocation = #_sourceLocation
    ) {
        for count in stride(from: first, to: bytes.count, by: step) {
            switch outcome(Array(bytes.prefix(count))) {
            case .failure(.cutOff(at: Int64(count), _)): continue
            case .failure where count < 8: continue
            case let other:
                Issue.record("cut to \(count): \(other)", sourceLocation: location)
                return
            }
        }
    }

    @Test("Every cut of a stream is refused, and named by its byte")
    func everyCut() throws {
        #expect(try outcome(crafted.bytes).get() == [0, 1])
        expectRefused(crafted.bytes)
        #expect(try outcome(devices.bytes).get() == [0, 1])
        expectRefused(devices.bytes)
    }

    @Test("Cuts of real streams are refused", arguments: StreamFixture.allCases)
    func realCuts(fixture: StreamFixture) throws {
        let bytes = try fixture.bytes
        #expect(try outcome(bytes).get().count == fixture.sections.count)
        expectRefused(bytes, step: 1499)
        // Everything about the end of the devices and the beginning of the description.
        let end = fixture.descriptionStart ?? bytes.count
        for cut in [end - 12..<end + 12, bytes.count - 3..<bytes.count] {
            for count in cut where count < bytes.count {
                let isRefused = (try? outcome(Array(bytes.prefix(count))).get()) == nil
                #expect(isRefused, "cut to \(count)")
            }
        }
    }

    @Test("Only who knows that there is no description makes an end mark the end")
    func undescribed() throws {
        var stream = crafted
        stream.isDescribed = false
        let bytes = stream.bytes
        guard case .failure(.cutOff(at: Int64(bytes.count), let missing)) = outcome(bytes) else {
            Issue.record("an end mark was taken for the end")
            return
        }
        #expect(missing.contains("suppress-vmdesc"))
        #expect(try outcome(bytes, .undescribed).get() == [0, 1])
        for count in stride(from: bytes.count - 1, to: 0, by: -7) {
            guard case .failure = outcome(Array(bytes.prefix(count)), .undescribed) else {
                Issue.record("cut to \(count)")
                return
            }
        }
    }

    @Test("Without footers, too, only who made it knows it to be whole", arguments: [true, false])
    func withoutFooters(onlyDevices: Bool) throws {
        var stream = onlyDevices ? devices : crafted
        stream.isDescribed = false
        stream.hasFooters = false
        let bytes = stream.bytes
        guard case .failure(.cutOff(at: Int64(bytes.count), let missing)) = outcome(bytes) else {
            Issue.record("it was taken for whole")
            return
        }
        #expect(missing.contains("--undescribed"))
        #expect(try outcome(bytes, .undescribed).get() == [0, 1])
        // A vCPU whose section is damaged or missing is not left out.
        let second = try section("cpu", 1, in: bytes)
        for count in [second + 100, second] {
            guard case .failure = outcome(Array(bytes.prefix(count)), .undescribed) else {
                Issue.record("cut to \(count)")
                return
            }
        }
        var damaged = bytes
        damaged[second + 5] = 4
        guard case .failure = outcome(damaged, .undescribed) else {
            Issue.record("a vCPU was lost")
            return
        }
    }

    @Test("What is asked for as a part is shown with what is wrong")
    func partial() throws {
        for stream in [crafted, devices] {
            let bytes = stream.bytes
            let cut = Array(bytes.prefix(try section("cpu", 1, in: bytes) + 200))
            let part = try QEMUStream(cut, reading: .partial)
            #expect(part.isSearched)
            guard case .failure(let error) = outcome(cut) else {
                Issue.record("it was taken for whole")
                return
            }
            #expect(part.problem == error)
            #expect(part.cpus.map(\.instance) == [0])
        }
        #expect(try QEMUStream(crafted.bytes, reading: .partial).problem == nil)
        let nothing = Array(crafted.bytes.prefix(100))
        guard case .failure(.cutOff(at: 100, _)) = outcome(nothing, .partial) else {
            Issue.record("a part without a vCPU was taken")
            return
        }
    }

    /// Expects that bytes behind a whole stream are damage at the first of them, and no cut.
    private func expectFollowed(
        _ bytes: [UInt8], by rest: [UInt8], _ last: String, _ found: String,
        _ reading: StreamReading = .whole, location: SourceLocation = #_sourceLocation
    ) {
        let expected = QEMUStreamError.damaged(
            part: "the end", offset: Int64(bytes.count),
            expected: "nothing more after \(last)", found: found)
        #expect(outcome(bytes + rest, reading) == .failure(expected), sourceLocation: location)
    }

    @Test("What stands behind a whole stream is damage, and no cut")
    func followed() throws {
        let garbage = Array("garbage\n".utf8)
        expectFollowed(crafted.bytes, by: garbage, "the description", "something else")
        let start = Array(crafted.bytes.prefix(200))
        expectFollowed(crafted.bytes, by: start, "the description", "another stream")
        let undescribed = try real(undescribed: true)
        expectFollowed(undescribed, by: garbage, "the end mark", "something else", .undescribed)
        expectFollowed(
            try StreamFixture.kvmN1.bytes, by: garbage, "the description", "something else")
        #expect(throws: Never.self) { try QEMUStream(crafted.bytes + [0, 0, 0]) }
    }

    private func real(undescribed: Bool) throws -> [UInt8] {
        var stream = crafted
        stream.isDescribed = !undescribed
        return stream.bytes
    }

    @Test("Of two streams in one file it is said which is read")
    func twoStreams() throws {
        #expect(try QEMUStream(crafted.bytes).beginningBehindAnother == nil)
        var other = crafted
        other.cpus[0].list[0].value ^= 1
        let both = try QEMUStream(crafted.bytes + other.bytes)
        #expect(both.beginningBehindAnother == Int64(crafted.bytes.count))
        #expect(both.cpus[0].entries[0].value == other.cpus[0].list[0].value)
        // What only looks like the end of one is none.
        let lookalike = CraftedStream.configuredHead + Array("}QEVM".utf8) + [0, 0, 0, 3]
        let alone = try QEMUStream(lookalike + crafted.bytes.dropFirst(8))
        #expect(alone.beginningBehindAnother == nil)
    }

    @Test("Zeros or bytes after an end mark do not make it one")
    func padding() throws {
        for rest in [[0], [UInt8](repeating: 0, count: 4096), [1], Array("QEVM".utf8)] as [[UInt8]]
        {
            expectFollowed(devices.bytes, by: rest, "the end mark", "something else")
        }
        let start = Array(devices.bytes.prefix(100))
        expectFollowed(devices.bytes, by: start, "the end mark", "another stream")
        // After a footer, the zeros of a file that was to be larger.
        let bytes = devices.bytes
        let end = try section("cpu_common", 1, in: bytes)
        #expect(throws: QEMUStreamError.self) {
            try QEMUStream(bytes.prefix(end) + [UInt8](repeating: 0, count: 100))
        }
    }
}

@Suite("vCPUs that a damaged stream would lose")
struct LostVCPUTests {
    /// What a flip of one bit makes: an error, or as many vCPUs as before.
    private func expectNoLoss(
        _ bytes: [UInt8], _ positions: some Sequence<Int>, bits: Range<UInt8> = 0..<8,
        location: SourceLocation = #_sourceLocation
    ) throws {
        let whole = try outcome(bytes).get()
        for position in positions {
            for bit in bits {
                var damaged = bytes
                damaged[position] ^= 1 << bit
                guard case .success(let found) = outcome(damaged), found != whole else { continue }
                Issue.record(
                    "bit \(bit) of byte \(position): \(found)", sourceLocation: location)
            }
        }
    }

    @Test("No flipped bit of a header, footer, end mark or description loses one")
    func everyBit() throws {
        for stream in [crafted, devices] {
            let bytes = stream.bytes
            let second = try section("cpu", 1, in: bytes)
            let end = second + 17 + stream.cpus[1].body.count
            let last = try section("pio", 0, in: bytes)
            try expectNoLoss(bytes, try section("cpu_common", 1, in: bytes)..<second + 17)
            try expectNoLoss(bytes, end..<last + 28)
            guard stream.isDescribed else { continue }
            try expectNoLoss(bytes, stride(from: last + 28, to: bytes.count, by: 5), bits: 1..<2)
        }
    }

    @Test("No flipped bit of a real stream loses one", arguments: StreamFixture.allCases)
    func realStreams(fixture: StreamFixture) throws {
        let bytes = try fixture.bytes
        let place = try #require(fixture.sections.last)
        try expectNoLoss(bytes, place.lowerBound..<place.lowerBound + 17, bits: 0..<2)
        try expectNoLoss(bytes, place.upperBound - 5..<place.upperBound, bits: 3..<4)
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        let whole = try outcome(bytes).get()
        for _ in 0..<40 {
            var damaged = bytes
            let position = Int.random(in: 8..<bytes.count, using: &generator)
            damaged[position] ^= 1 << UInt8.random(in: 0...7, using: &generator)
            guard case .success(let found) = outcome(damaged) else { continue }
            #expect(found == whole, "seed \(seed), byte \(position)")
        }
    }

    @Test("A vCPU that is described and not there is damage, and so is another one's number")
    func otherInstances() throws {
        for (instance, word) in [(2 as UInt32, "cpu 1"), (0, "cpu 1"), (.max, "cpu 1")] {
            var stream = crafted
            stream.json = stream.description
            stream.cpus[1].instance = instance
            guard case .failure(.damaged(_, _, let expected, _)) = outcome(stream.bytes) else {
                Issue.record("it was taken")
                return
            }
            #expect(expected.contains(word))
        }
        var stream = crafted
        stream.json = stream.description.replacing("\"devices\"", with: "\"device\"")
        guard case .failure(.noCPUs) = outcome(stream.bytes) else {
            Issue.record("vCPUs that nothing describes were taken")
            return
        }
        // 2^32 more is the same number only to who does not look.
        stream.json = crafted.description.replacing(
            "\"cpu\", \"instance_id\": 1", with: "\"cpu\", \"instance_id\": 4294967297")
        #expect(throws: QEMUStreamError.self) { try QEMUStream(stream.bytes) }
    }

    @Test("Without a description each cpu_common section has its vCPU", arguments: [0, 1])
    func common(instance: UInt32) throws {
        for name in ["cpu", "cpu_common"] {
            var renamed = devices.bytes
            renamed[try section(name, instance, in: renamed) + 8] ^= 1
            guard case .failure(.damaged) = outcome(renamed) else {
                Issue.record("\(name) \(instance) is missing, and nobody says so")
                continue
            }
        }
    }

    @Test(
        "A flipped bit of a device's kind, id, name, instance or footer is damage that names it",
        arguments: ["arm_gicv3", "pflash_cfi01", "pl011", "gpio-key", "globalstate"])
    func deviceDamage(name: String) throws {
        let bytes = try StreamFixture.kvmN1.bytes
        let start = try section(name, 0, in: bytes)
        let header = start..<start + 10 + name.utf8.count
        let footer = try #require(
            bytes.indices.first {
                $0 > start && bytes[$0...].starts(with: [0x7e] + bytes[start + 1..<start + 5])
            })
        for position in Array(header) + Array(footer..<footer + 5) {
            for bit in 0..<8 {
                var damaged = bytes
                damaged[position] ^= 1 << UInt8(bit)
                guard case .failure(let error) = outcome(damaged),
                    case .damaged(_, let offset, _, _) = error
                else {
                    Issue.record("bit \(bit) of byte \(position) is not seen")
                    continue
                }
                #expect("\(error)".contains("of \(name) 0"), "byte \(position): \(error)")
                #expect([start, footer].contains(Int(offset)))
                #expect(outcome(damaged, .partial) == .success([0, 1]))
            }
        }
    }

    @Test(
        "A byte lost or inserted in a device leaves the vCPUs, and where the description does not fit is said"
    )
    func otherLength() throws {
        let bytes = try StreamFixture.kvmN1.bytes
        for (name, isSearched) in [("pl011", true), ("fw_cfg", true), ("arm_gicv3", false)] {
            let place = try section(name, 0, in: bytes) + 40
            for change in [-1, 1, 41] {
                var other = bytes
                if change < 0 {
                    other.remove(at: place)
                } else {
                    other.insert(contentsOf: [UInt8](repeating: 0, count: change), at: place)
                }
                let stream = try QEMUStream(other)
                #expect(stream.cpus.map(\.instance) == [0, 1])
                #expect(stream.isSearched == isSearched)
                #expect(stream.misfit?.device == "\(name) 0")
            }
        }
    }

    /// A graphics card's memory, say, comes after the vCPUs.
    @Test("A device that is longer than what is searched is passed over")
    func longDevice() throws {
        var stream = crafted
        let length = (64 << 20) + 5
        let last = try #require(stream.last)
        stream.json = stream.description.replacing("\"size\": 5,", with: "\"size\": \(length),")
        stream.last = last.dropLast(5) + [UInt8](repeating: 0, count: length - 5) + last.suffix(5)
        let found = try QEMUStream(stream.bytes)
        #expect(found.cpus.map(\.instance) == [0, 1])
        #expect(!found.isSearched && found.misfit == nil)
    }

    @Test("A description that fits is not said not to", arguments: StreamFixture.described)
    func fitting(fixture: StreamFixture) throws {
        let stream = try fixture.stream
        #expect(stream.misfit == nil && !stream.isSearched)
        #expect(try QEMUStream(crafted.bytes).misfit == nil)
    }

    @Test("What stands in RAM is no damaged device, whatever the guest put there")
    func imitationInRAM() throws {
        var stream = crafted
        stream.json = stream.description.replacing(
            "\"devices\": [",
            with: "\"devices\": [{\"name\": \"early\", \"instance_id\": 0, \"size\": 20}, ")
        let imitation = [5, 0, 0, 0, 3, 5] + Array("early".utf8) + bigEndian(0, 8)
        let rest = [UInt8](repeating: 0xaa, count: 12) + bigEndian(0x10, 8)
        stream.head += imitation + rest + [0x7e] + bigEndian(2, 4)
        let found = try QEMUStream(stream.bytes)
        #expect(found.misfit == nil && found.cpus.count == 2)
        // Without RAM's end it is one.
        stream.head[stream.head.count - 6] = 0x11
        let damaged = outcome(stream.bytes)
        guard case .failure(.damaged(let part, _, _, _)) = damaged else {
            Issue.record("\(damaged)")
            return
        }
        #expect(part == "the header of early 0")
    }

    @Test("A section inside another one, or inside the description, is none")
    func nested() throws {
        var inner = CraftedCPU()
        inner.instance = 1
        inner.number = 8
        var outer = CraftedCPU()
        let hidden = inner.section + [UInt8](repeating: 0, count: 4128 - inner.section.count)
        outer.subsections = [CraftedSubsection("cpu/sve", hidden)]
        var stream = CraftedStream(outer, isDescribed: false)
        #expect(try QEMUStream(stream.bytes).cpus.map(\.instance) == [0])
        stream.head = CraftedStream.configuredHead
        stream.isDescribed = true
        // The walk fails at the last device.
        stream.json = CraftedStream(outer, inner).description.replacing(
            "\"size\": 5,", with: "\"size\": 6,")
        #expect(throws: QEMUStreamError.self) { try QEMUStream(stream.bytes) }
        stream.json = CraftedStream(outer).description.replacing(
            "\"size\": 5,", with: "\"size\": 6,")
        let found = try QEMUStream(stream.bytes)
        #expect(found.cpus.map(\.instance) == [0])
        #expect(throws: Never.self) { try found.patch(replacing: found.cpus) }
    }

    @Test("A section that reaches into the description is none")
    func overlapping() throws {
        var cpu = CraftedCPU()
        cpu.subsections = [CraftedSubsection("cpu/sme", [UInt8](repeating: 0, count: 60_000))]
        var stream = CraftedStream(cpu)
        stream.head = CraftedStream.configuredHead
        let filler = String(repeating: " ", count: 8000)
        stream.json = stream.description.replacing("\"page_size\"", with: "\(filler)\"page_size\"")
        #expect(throws: QEMUStreamError.self) { try QEMUStream(stream.bytes) }
    }
}

@Suite("Numbers and names of a stream that lie")
struct StreamNumberTests {
    @Test(
        "No size of the description traps",
        arguments: [
            "9223372036854775807", "-9223372036854775808", "-1", "1099511627776",
            "9223372036854775808", "4611686018427387904",
        ])
    func sizes(size: String) throws {
        for text in [
            "{\"devices\":[{\"name\":\"cpu\",\"instance_id\":0,\"size\":\(size)}]}",
            "{\"devices\":[{\"name\":\"cpu\",\"instance_id\":\(size),\"size\":1}]}",
            """
            {"devices":[{"name":"cpu","instance_id":0,"vmsd_name":"cpu","fields":[{"size":\(size),\
            "array_len":\(size)},{"size":\(size)},{"size":\(size)}]}]}
            """,
            """
            {"devices":[{"name":"cpu","instance_id":0,"vmsd_name":"cpu","fields":[],"subsections":\
            [{"vmsd_name":"cpu/a","fields":[{"size":\(size)}]},{"vmsd_name":"cpu/b","fields":\
            [{"size":\(size)}]}]}]}
            """,
        ] {
            var stream = CraftedStream(CraftedCPU(), json: text)
            stream.head = CraftedStream.configuredHead
            guard case .failure = outcome(stream.bytes) else {
                // What names one vCPU of the right number may be found by search.
                #expect(try QEMUStream(stream.bytes).isSearched)
                continue
            }
        }
    }

    @Test("A subsection's name is any bytes, and is shown without them")
    func names() throws {
        let names: [[UInt8]] = [
            [0xff, 0xfe, 0x80], Array("\u{1b}]0;own\u{7}".utf8), Array("é".utf8),
            [0x9b, 0x31, 0x6d],
            Array("e\u{301}".utf8), Array("\u{202e}gnp".utf8), [UInt8](repeating: 0xc3, count: 240),
        ]
        for name in names {
            var cpu = CraftedCPU()
            cpu.subsections = [CraftedSubsection("cpu/x", [1, 2, 3])]
            for isDescribed in [true, false] {
                var bytes = CraftedStream(cpu, isDescribed: isDescribed).bytes
                let place = try #require(
                    bytes.indices.first { bytes[$0...].starts(with: [5, 5] + Array("cpu/x".utf8)) })
                bytes.replaceSubrange(
                    place..<place + 7, with: [5, UInt8(4 + name.count)] + Array("cpu/".utf8) + name)
                guard case .failure(let error) = outcome(bytes) else {
                    Issue.record("it was passed over")
                    continue
                }
                #expect(error.description.utf8.allSatisfy { 0x20..<0x7f ~= $0 }, "\(error)")
            }
        }
    }

    @Test("A name that only looks like a described one is another")
    func equivalentNames() throws {
        var cpu = CraftedCPU()
        cpu.subsections = [CraftedSubsection("cpu/e\u{301}", [1, 2, 3])]
        var stream = CraftedStream(cpu)
        #expect(try QEMUStream(stream.bytes).cpus.count == 1)
        stream.json = stream.description.replacing("cpu/e\u{301}", with: "cpu/\u{e9}\u{7f}")
        #expect(throws: QEMUStreamError.self) { try QEMUStream(stream.bytes) }
    }

    @Test("No subsection comes twice")
    func repeated() throws {
        var cpu = CraftedCPU()
        let line = CraftedSubsection("cpu/irq-line-state", [0, 0, 0, 0])
        cpu.subsections = [line, line]
        for isDescribed in [true, false] {
            #expect(throws: QEMUStreamError.self) {
                try QEMUStream(CraftedStream(cpu, isDescribed: isDescribed).bytes)
            }
        }
    }

    @Test("Headers without end cost as much as they are long")
    func candidates() throws {
        // Each begins a list of the most registers, over those of the others; ids that ascend.
        var bytes = CraftedStream.configuredHead
        for index in 0..<4000 as Range<UInt32> {
            bytes += [4] + bigEndian(index, 4) + [3] + Array("cpu".utf8) + bigEndian(index / 2, 4)
            bytes += bigEndian(22 as UInt32, 4) + [UInt8](repeating: 0, count: 7)
        }
        let memory = MemoryBytes(bytes)
        #expect(throws: QEMUStreamError.self) { try QEMUStream(memory, reading: .partial) }
        #expect(memory.maximumAtOnce <= bytes.count)
    }
}
