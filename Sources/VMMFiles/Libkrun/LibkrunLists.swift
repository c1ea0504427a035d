internal import Registers
internal import TextFormats

/// The lists of the VM's blob: of the interrupt controller, as KVM's attributes have it.
struct LibkrunLists {
    /// The number of a device's attribute, and what it holds.
    typealias Entry = (attribute: UInt64, value: UInt64)

    private var distributor: [Entry]
    private var redistributors: [Entry]
    private var interfaces: [Entry]
    /// Of a GICv2, which older files do not have.
    private var distributorV2: [Entry] = []
    private var interfacesV2: [Entry] = []

    init(_ blob: inout ByteCursor) throws(VMMFileError) {
        distributor = try blob.list("the distributor", 4, 4)
        redistributors = try blob.list("the redistributors", 8, 4)
        interfaces = try blob.list("the CPU interfaces", 8, 8)
        guard blob.left > 0 else { return }
        distributorV2 = try blob.list("a GICv2's distributor", 8, 4)
        interfacesV2 = try blob.list("a GICv2's CPU interfaces", 8, 4)
        guard blob.left > 0 else { return }
        _ = try blob.section("the board")
        guard blob.left == 0 else {
            throw blob.damaged("its end behind the state of the board", "\(blob.left) more bytes")
        }
    }

    /// The registers that they are.
    /// - Parameter mpidrs: of the vCPUs; an attribute of one has its affinity in the upper half, with a GICv2 its
    ///   number.
    /// - Returns: nil for a VM without an interrupt controller.
    /// - Throws: for a register of a vCPU that is not there.
    func words(_ mpidrs: [UInt64?]) throws(VMMFileError) -> InterruptWords? {
        if !distributorV2.isEmpty || !interfacesV2.isEmpty {
            var result = InterruptWords(.v2, vcpuCount: mpidrs.count)
            let numbers = Dictionary(
                uniqueKeysWithValues: mpidrs.indices.map { (UInt64($0), $0) })
            try result.add(distributorV2, of: .distributor, numbers)
            try result.add(interfacesV2, of: .cpuInterface, numbers)
            result.setInterruptCount()
            return result
        }
        guard !distributor.isEmpty else { return nil }
        var result = InterruptWords(.v3, vcpuCount: mpidrs.count)
        let affinities = mpidrs.enumerated().compactMap { index, mpidr in
            mpidr.map { (UInt64(UInt32(affinityIn: $0)), index) }
        }
        let numbers = Dictionary(affinities) { first, _ in first }
        result.add(
            distributor.map { ($0.attribute, UInt32(truncatingIfNeeded: $0.value)) },
            of: .distributor)
        try result.add(redistributors, of: .redistributor, numbers)
        try result.add(interfaces, of: .systemRegisters, numbers)
        result.setInterruptCount()
        return result
    }
}

extension InterruptWords {
    /// Adds attributes of vCPUs, whose upper halves say which.
    /// - Parameter numbers: the place of each vCPU by that.
    fileprivate mutating func add(
        _ entries: [LibkrunLists.Entry], of group: DeviceAttribute.GICGroup,
        _ numbers: [UInt64: Int]
    ) throws(VMMFileError) {
        var words: [Int: [(offset: UInt64, word: UInt32)]] = [:]
        for (attribute, value) in entries {
            guard let vcpu = numbers[attribute >> 32] else {
                throw .contradiction(
                    "its interrupt controller has registers of a vCPU \((attribute >> 32).hex) that is not there"
                )
            }
            let low = attribute & 0xffff_ffff
            if group == .systemRegisters {
                add(value, ofSystemRegister: low, vcpu: vcpu)
            } else {
                words[vcpu, default: []].append((low, UInt32(truncatingIfNeeded: value)))
            }
        }
        for (vcpu, list) in words.sorted(by: { $0.key < $1.key }) {
            add(list, of: group, vcpu: vcpu)
        }
    }
}

extension ByteCursor {
    /// A list that begins with the number of its entries, 32 bits.
    /// - Parameters:
    ///   - attribute: the bytes of an attribute.
    ///   - value: the bytes of what it holds.
    fileprivate mutating func list(
        _ name: String, _ attribute: Int, _ value: Int
    ) throws(VMMFileError) -> [LibkrunLists.Entry] {
        part = "\(name), in the state of the VM"
        var result: [LibkrunLists.Entry] = []
        for _ in 0..<(try checked(try number(4), of: attribute + value)) {
            result.append((try number(attribute), try number(value)))
        }
        return result
    }
}
