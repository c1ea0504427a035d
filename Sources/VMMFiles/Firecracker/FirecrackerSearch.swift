internal import LinuxSystem
internal import Registers

/// Finds vCPUs in state whose layout is not known, by the ids of their registers (Formats/firecracker-vmstate.md,
/// section 7).
enum FirecrackerSearch {
    /// Nil where nothing is found that could not be something else.
    static func state(_ header: FirecrackerHeader, _ whole: ByteCursor) -> FirecrackerState? {
        let places = starts(header.codec, whole)
        guard !places.isEmpty else { return nil }
        let states = vcpus(header, whole, places) ?? registersAlone(header, whole, places)
        return states.flatMap { try? FirecrackerState(found: $0) }
    }

    /// X0, which every list of registers begins with.
    private static let first = RegisterID.x(0).rawValue
    /// KVM makes no more.
    private static let mostVCPUs = 512
    /// A list of registers is at least as long.
    private static let fewest = 40
    /// In front of the ids of a vCPU's registers there are its MP state, and numbers of these.
    private static let mostBefore = 64
    /// Bytes that are read in vain.
    private static let mostWork = 16 << 20

    /// Where the ids of each vCPU's registers begin: in bitcode they follow one another.
    private static func starts(_ codec: FirecrackerHeader.Codec, _ whole: ByteCursor) -> [Int] {
        var found: [Int] = []
        var place = whole.position
        while let next = nextStart(whole, from: place), found.count <= mostVCPUs {
            let count = idCount(whole, from: next)
            // A number of ids is no id, so that no other list begins before the end.
            place = next + count * 8
            guard count >= fewest else { continue }
            if codec == .bitcode {
                found = stride(from: next, to: place, by: 8).filter {
                    whole.bytes.littleEndian(in: $0..<$0 + 8) == first
                }
                break
            }
            guard let number = Range(at: next - 8, count: 8, inside: 0..<whole.end),
                whole.bytes.littleEndian(in: number) == UInt64(count)
            else { continue }
            found.append(next)
        }
        return found.count <= mostVCPUs ? found : []
    }

    private static func nextStart(_ whole: ByteCursor, from place: Int) -> Int? {
        guard place + 8 <= whole.end else { return nil }
        return (place...whole.end - 8).first { start in
            whole.bytes[start + 7] == 0x60
                && whole.bytes.littleEndian(in: start..<start + 8) == first
        }
    }

    /// How many ids follow one another.
    private static func idCount(_ whole: ByteCursor, from place: Int) -> Int {
        stride(from: place, to: whole.end - 7, by: 8).prefix { start in
            let id = RegisterID(rawValue: whole.bytes.littleEndian(in: start..<start + 8))
            return id.architecture == .arm64 && id.group != .unknown && id.size != nil
        }.count
    }

    /// The vCPUs with everything that a known version has of them: their number is that of the lists, and the first list is
    /// where it was found.
    private static func vcpus(
        _ header: FirecrackerHeader, _ whole: ByteCursor, _ places: [Int]
    ) -> [StateValue]? {
        firstFit(header, whole, places, "vCPUs") { cursor throws(VMMFileError) in
            var end = cursor.position
            for shape in FirecrackerLayout.shapesOfVCPUs {
                do throws(VMMFileError) {
                    let states = try header.read(shape, cursor).elements
                    if states.count == places.count,
                        states[0]["regs"]?["ids"]?.numbers?.start == places[0]
                    {
                        return states
                    }
                    end = cursor.end
                } catch {
                    end = max(end, error.offset ?? cursor.end)
                }
            }
            throw .damaged(cursor.part, at: end, expected: "vCPUs", found: "something else")
        }
    }

    /// Their registers and nothing else.
    private static func registersAlone(
        _ header: FirecrackerHeader, _ whole: ByteCursor, _ places: [Int]
    ) -> [StateValue]? {
        guard header.codec != .bitcode else {
            return firstFit(header, whole, places, "registers") { cursor throws(VMMFileError) in
                var reader = BitcodeReader(cursor)
                let lists = try reader.values(
                    of: FirecrackerLayout.registers, count: places.count)
                guard lists.map({ $0["ids"]?.numbers?.start }) == places else {
                    throw cursor.damaged("registers", "something else")
                }
                return lists.map { .record([("regs", $0)]) }
            }
        }
        let states = places.compactMap { place -> StateValue? in
            let cursor = ByteCursor(whole.bytes, in: place - 8..<whole.end, part: "registers")
            let value = try? header.read(FirecrackerLayout.registers, cursor)
            return value.map { .record([("regs", $0)]) }
        }
        return states.count == places.count ? states : nil
    }

    /// What is read from the nearest place before the first list at which it can be read.
    ///
    /// In all it is no more work than reading the file a few times.
    private static func firstFit(
        _ header: FirecrackerHeader, _ whole: ByteCursor, _ places: [Int], _ part: String,
        _ read: (ByteCursor) throws(VMMFileError) -> [StateValue]
    ) -> [StateValue]? {
        let room = mostBefore + (header.codec == .bitcode ? places.count * 8 : 0)
        var work = mostWork
        for start in (max(whole.position, places[0] - room)..<places[0]).reversed() {
            let cursor = ByteCursor(whole.bytes, in: start..<whole.end, part: part)
            do throws(VMMFileError) {
                return try read(cursor)
            } catch {
                work -= (error.offset ?? whole.end) - start
                guard work > 0 else { return nil }
            }
        }
        return nil
    }
}
