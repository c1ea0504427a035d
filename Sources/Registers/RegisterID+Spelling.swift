internal import CFormatData

extension RegisterID {
    /// Parses what kernels, QEMU, test programs and documents call a register, besides the names that
    /// `init(parsing:)` takes; nil for anything else.
    ///
    /// White space around it does not matter. Taken are
    /// - the macros of the kernel's headers: `SYS_ICC_PMR_EL1`;
    /// - encodings as five numbers, op0, op1, CRn, CRm, op2: `sys_reg(3, 0, 5, 2, 0)`, `3,0,5,2,0`,
    ///   `3 0 5 2 0`, `op0=3, op1=0, ...`. As in assembly they mean the architecture's register;
    /// - the same as parts of a KVM id, as QEMU's log and KVM's selftests print them:
    ///   `op0:3 op1:0 crn:5 crm:2 op2:0`, `ARM64_SYS_REG(3, 0, 5, 2, 0)`. They mean the id, which for two
    ///   timer registers is another one (`init(parsing:)`);
    /// - what the kernel logs of an access that it does not know: `{ Op0( 3), Op1( 0), CRn( 5), CRm( 2), Op2( 0), func_read },`;
    /// - AArch32 encodings as in assembly: `p15,0,c5,c0,0`, `p15, 0, r0, c5, c0, 0`, `p15, 0, c2`;
    /// - QEMU's `demuxed reg 6020000000110000`, `fw reg 0`, `fw feat reg 3`;
    /// - ids in decimal.
    public init?(spelled text: some StringProtocol) {
        // No spelling is longer.
        guard text.utf8.count <= 96, text.utf8.allSatisfy({ 0x20..<0x7f ~= $0 || $0 == 0x09 })
        else {
            return nil
        }
        let words = Spelling(text)
        guard
            let id = words.name() ?? words.logged() ?? words.coprocessor() ?? words.encoding()
                ?? words.decimal()
        else { return nil }
        self = id
    }

    /// The register that dumps of a crash call so, in any case of letters; nil where they call none.
    package init?(inDumps name: String) {
        let name = name.uppercased()
        let row = Tables.dumpNames.first { Tables.string($0.name) == name }
        guard let row else { return nil }
        self = RegisterEntry(index: row.reg).id
    }
}

/// The words of a spelling: what stands between white space and punctuation, in small letters.
private struct Spelling {
    private let words: [Substring]
    /// Whether a label is followed by a colon, as QEMU's log has it.
    private let hasColons: Bool

    init(_ text: some StringProtocol) {
        let small = text.lowercased()
        hasColons = small.contains(":")
        var all = small.split { " \t,:=(){}".contains($0) }
        // QEMU 11's messages have these two before the encoding, and the kernel's one behind it.
        if all.starts(with: ["system", "register"]) { all.removeFirst(2) }
        if ["func_read", "func_write"].contains(all.last) { all.removeLast() }
        words = all
    }

    /// A name, perhaps as a macro of the kernel.
    func name() -> RegisterID? {
        guard words.count == 1, !hasColons, let word = words.first else { return nil }
        if let id = RegisterID(parsing: word) { return id }
        return word.hasPrefix("sys_") ? RegisterID(parsing: word.dropFirst(4)) : nil
    }

    /// `kvm_print_register_name`, QEMU's `target/arm/kvm.c`.
    func logged() -> RegisterID? {
        switch words.dropLast() {
        case ["demuxed", "reg"], ["core", "reg"]:
            words.last.flatMap { RegisterID(parsing: "0x" + $0) }
        case ["fw", "reg"], ["kvm_reg_arm_fw_reg"]: member(of: .psciVersion)
        case ["fw", "feat", "reg"], ["kvm_reg_arm_fw_feat_bmap_reg"]:
            member(of: .stdBmap)
        default: nil
        }
    }

    /// A register of the group that begins with `first`.
    private func member(of first: RegisterID) -> RegisterID? {
        words.last.flatMap { UInt16($0) }.map { RegisterID(rawValue: first.rawValue | UInt64($0)) }
    }

    /// `p15 0 c5 c0 0` or `p15 0 c2`; the general-purpose registers of the instruction say nothing.
    func coprocessor() -> RegisterID? {
        guard words.first?.hasPrefix("p1") == true else { return nil }
        let parts = words.filter { !Self.isOperand($0) }
        return RegisterID(parsing: parts.joined(separator: "_"))
    }

    private static func isOperand(_ word: Substring) -> Bool {
        ["<rt>", "<rt2>", "rt", "rt2"].contains(word)
            || word.first == "r" && UInt8(word.dropFirst()) != nil
    }

    private static let labels: [Substring] = ["op0", "op1", "crn", "crm", "op2"]

    /// Five numbers, with or without labels.
    func encoding() -> RegisterID? {
        let isMacro = words.first == "arm64_sys_reg"
        let isFunction = isMacro || words.first == "sys_reg"
        let parts = isFunction ? Array(words.dropFirst()) : words
        guard let numbers = labeled(parts) ?? plain(parts), numbers.count == 5,
            let encoding = RegisterID.SystemRegisterEncoding(
                op0: numbers[0], op1: numbers[1], crn: numbers[2], crm: numbers[3], op2: numbers[4])
        else { return nil }
        return isMacro || hasColons ? .system(encoding) : .system(architectural: encoding)
    }

    /// `op0 3 op1 0 ...`, in any order, each label once.
    private func labeled(_ parts: [Substring]) -> [Int]? {
        guard parts.count == 10 else { return nil }
        var numbers: [Substring: Int] = [:]
        for place in stride(from: 0, to: 10, by: 2) {
            guard let number = UInt8(parts[place + 1]) else { return nil }
            numbers[parts[place]] = Int(number)
        }
        let ordered = Self.labels.compactMap { numbers[$0] }
        return ordered.count == Self.labels.count ? ordered : nil
    }

    private func plain(_ parts: [Substring]) -> [Int]? {
        let numbers = parts.compactMap { UInt8($0) }
        return numbers.count == parts.count ? numbers.map(Int.init) : nil
    }

    /// An id: its upper half, which tells architecture and size, is never 0.
    func decimal() -> RegisterID? {
        guard words.count == 1, let number = words.first.flatMap({ UInt64($0) }), number >> 32 != 0
        else { return nil }
        return RegisterID(rawValue: number)
    }
}
