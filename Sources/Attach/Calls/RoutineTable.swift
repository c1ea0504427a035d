internal import CLinux
internal import LinuxSystem

/// The table of the routine in `attach_routine.c` that reads everything of some vCPUs, and the memory that
/// goes with it.
struct RoutineTable {
    /// Where the answers of a vCPU go.
    private struct Places {
        let list: UInt64
        let results: UInt64
        /// The MP state, and the events behind it.
        let small: UInt64
        let values: UInt64
        let valuesEnd: UInt64

        init(in area: Range<UInt64>) {
            list = area.lowerBound
            results = list + UInt64(RawVCPUImage.maximumListWords * 8)
            small = results + UInt64(RawVCPUImage.maximumListWords * 8)
            values = small + UInt64((RawVCPUImage.mpStateWords + RawVCPUImage.eventsWords) * 8)
            valuesEnd = area.upperBound - RoutineTable.largestValue
        }
    }

    private let descriptors: [Int]
    private let places: [Places]
    /// The calls of a batch that are made after all others, and where their arguments are.
    private let single: [(call: Int, argument: UInt64)]
    private let arguments: Range<UInt64>
    /// Where the entries are.
    let entries: Range<UInt64>

    /// - Parameters:
    ///   - calls: those of the batch that are to be made.
    ///   - area: free memory, of at least `sizePerVCPU` bytes for each vCPU, of which a batch takes a part.
    init(
        of descriptors: [Int], and calls: [Int], of batch: CallBatch, in area: Range<UInt64>
    ) {
        self.descriptors = descriptors
        let size =
            UInt64(descriptors.count * Self.callsPerVCPU + calls.count) * Self.entrySize
        entries = area.lowerBound..<area.lowerBound + size
        var end = entries.upperBound
        single = calls.map { call in
            defer { end += UInt64(batch.size(call) * 8) }
            return (call, end)
        }
        arguments = entries.upperBound..<end
        let room = (area.upperBound - end) / UInt64(max(1, descriptors.count)) & ~7
        let behind = end
        places = descriptors.indices.map { index in
            let start = behind + UInt64(index) * room
            return Places(in: start..<start + room)
        }
    }

    /// Puts the table in its place.
    func write(_ batch: CallBatch, to process: ProcessMemory) throws(Errno) {
        var table: [UInt64] = []
        table.reserveCapacity((entries.count + arguments.count) / 8)
        for (descriptor, places) in zip(descriptors, places) {
            Self.add(
                UInt64(CLINUX_KVM_GET_REG_LIST), descriptor, places.list,
                (places.values, places.results, places.valuesEnd), to: &table)
            Self.add(UInt64(CLINUX_KVM_GET_MP_STATE), descriptor, places.small, to: &table)
            let events = places.small + UInt64(RawVCPUImage.mpStateWords * 8)
            Self.add(UInt64(CLINUX_KVM_GET_VCPU_EVENTS), descriptor, events, to: &table)
            try process.write([UInt64(RawVCPUImage.maximumListWords - 1)], at: places.list)
        }
        for (call, argument) in single {
            let request = batch.request(call)
            Self.add(request.number, request.descriptor, argument, to: &table)
        }
        for (call, argument) in single { batch.append(argument: call, at: argument, to: &table) }
        try process.write(table, at: entries.lowerBound)
    }

    /// Adds an entry, which has room for what the routine works with at its end.
    private static func add(
        _ request: UInt64, _ descriptor: Int, _ argument: UInt64,
        _ more: (UInt64, UInt64, UInt64) = (0, 0, 0), to table: inout [UInt64]
    ) {
        table.append(UInt64(UInt32(truncatingIfNeeded: descriptor)))
        table.append(request)
        table.append(argument)
        table.append(UInt64(bitPattern: RawVCPUImage.Answer.notMade.result))
        table.append(more.0)
        table.append(more.1)
        table.append(more.2)
        for _ in 0..<3 { table.append(0) }
    }

    /// What the routine left.
    func readings(
        in process: ProcessMemory, _ batch: inout CallBatch
    ) throws(Errno) -> [RawVCPUImage] {
        let table = try process.read(
            (entries.count + arguments.count) / 8, at: entries.lowerBound)
        take(table, &batch)
        var readings: [RawVCPUImage] = []
        for (index, places) in places.enumerated() {
            let results = (0..<Self.callsPerVCPU).map { call in
                Int64(bitPattern: table[(index * Self.callsPerVCPU + call) * Self.entryWords + 3])
            }
            readings.append(try Self.reading(results, places, process))
        }
        return readings
    }

    private func take(_ table: [UInt64], _ batch: inout CallBatch) {
        var result = places.count * Self.callsPerVCPU * Self.entryWords + 3
        var start = entries.count / 8
        for (call, _) in single {
            let end = start + batch.size(call)
            batch.take(call, result: Int64(bitPattern: table[result]), table[start..<end])
            start = end
            result += Self.entryWords
        }
    }

    private static func reading(
        _ results: [Int64], _ places: Places, _ process: ProcessMemory
    ) throws(Errno) -> RawVCPUImage {
        let list = try process.read(RawVCPUImage.maximumListWords, at: places.list)
        let states = RawVCPUImage.mpStateWords
        let small = try process.read(states + RawVCPUImage.eventsWords, at: places.small)
        var reading = RawVCPUImage(
            list: .init(result: results[0], words: list), results: [], values: [],
            mpState: .init(result: results[1], words: Array(small.prefix(states))),
            events: .init(result: results[2], words: Array(small.dropFirst(states))))
        let (count, words) = readable(reading.ids, places)
        reading.results = try process.read(count, at: places.results)
            .map { Int64(bitPattern: $0) }
        reading.values = try process.read(words, at: places.values)
        return reading
    }

    /// For how many registers there was room, and how many words their values take.
    private static func readable(
        _ ids: ArraySlice<UInt64>, _ places: Places
    ) -> (count: Int, words: Int) {
        let room = Int(places.valuesEnd - places.values) / 8
        var words = 0
        for (count, id) in ids.enumerated() {
            if words >= room { return (count, words) }
            words += RawVCPUImage.words(of: id)
        }
        return (ids.count, words)
    }

    /// Enough for two thousand registers.
    static let sizePerVCPU: UInt64 = 1 << 18
    /// What a call of a batch takes at most: its entry, and a structure with a value.
    static let sizePerCall = Int(CLINUX_ATTACH_ENTRY_SIZE) + 64
    private static let largestValue: UInt64 = 1 << 15
    private static let callsPerVCPU = 3
    private static let entrySize = UInt64(CLINUX_ATTACH_ENTRY_SIZE)
    private static let entryWords = Int(CLINUX_ATTACH_ENTRY_SIZE) / 8
}
