/// The layouts of Firecracker's state from its beginning to its vCPUs (Formats/firecracker-vmstate.md, section 3).
enum FirecrackerLayout: String, CaseIterable {
    case a = "A"
    case b = "B"
    case c = "C"
    case d = "D"
    /// D with the addresses of stolen time.
    case dWithTime = "D'"
    case e = "E"
    case f = "F"
    case g = "G"

    var shape: StateShape {
        .record(fields.map { StateShape.Field($0.0, $0.1) })
    }

    /// The name of the vCPUs, which are the last part that is read.
    static let vcpus = "vcpu_states"

    private var fields: [(String, StateShape)] {
        let info = ("vm_info", Self.information(pageSizes: self == .g ? 3 : 2))
        let vcpus = (Self.vcpus, StateShape.list(vcpu))
        let capabilities = ("kvm_cap_modifiers", StateShape.list(.text))
        let gic = ("gic", Self.interruptController(hasITS: [.e, .f, .g].contains(self)))
        let kvm = ("kvm_state", Self.record([capabilities]))
        switch self {
        case .a, .b:
            let vm = ("vm_state", Self.record([gic, capabilities]))
            return [info, ("memory_state", memory), vm, vcpus]
        case .c:
            return [info, ("memory_state", memory), kvm, ("vm_state", Self.record([gic])), vcpus]
        case .d, .dWithTime:
            return [info, kvm, ("vm_state", Self.record([("memory", memory), gic])), vcpus]
        case .e, .f, .g:
            let vm = Self.record([("memory", memory), gic, ("resource_allocator", allocator)])
            return [info, kvm, ("vm_state", vm), vcpus]
        }
    }

    private static func record(_ fields: [(String, StateShape)]) -> StateShape {
        .record(fields.map { StateShape.Field($0.0, $0.1) })
    }

    private static func information(pageSizes: Int) -> StateShape {
        let boot = record([
            ("kernel_image_path", .text), ("initrd_path", .optional(.text)),
            ("boot_args", .optional(.text)),
        ])
        return record([
            ("mem_size_mib", .number(8)), ("smt", .bool),
            ("cpu_template", .choice(templates.count)), ("boot_source", boot),
            ("huge_pages", .choice(pageSizes)),
        ])
    }

    /// By their numbers; the last one is none.
    static let templates = ["V1N1", "None"]

    private var memory: StateShape {
        let place: [(String, StateShape)] = [("base", .number(8)), ("size", .number(8))]
        let region =
            switch self {
            case .a, .b: place + [("offset", .number(8))]
            case .c, .d, .dWithTime, .e: place
            case .f, .g: place + [("region_type", .choice(2)), ("plugged", .list(.bool))]
            }
        return .list(Self.record(region))
    }

    private static func interruptController(hasITS: Bool) -> StateShape {
        let words = StateShape.list(.list(.number(4)))
        let ofVCPU = record([
            ("rdist", words), ("main_icc_regs", .list(.list(.number(8)))),
            ("ap_icc_regs", .list(.optional(.list(.number(8))))),
        ])
        let translator = record([
            ("iidr", .number(8)), ("cbaser", .number(8)), ("creadr", .number(8)),
            ("cwriter", .number(8)), ("baser", .array(8, .number(8))), ("ctlr", .number(8)),
        ])
        let common: [(String, StateShape)] = [("dist", words), ("gic_vcpu_states", .list(ofVCPU))]
        return record(common + (hasITS ? [("its_state", .optional(translator))] : []))
    }

    private var allocator: StateShape {
        let ids = Self.record([
            ("range_base", .number(4)), ("next_id", .optional(.number(4))),
            ("range_end", .number(4)), ("freed_ids", .list(.number(4))),
        ])
        let ranges = Self.record([
            ("start", .number(8)), ("end", .number(8)), ("root", .optional(.rangeNode)),
        ])
        let numbers: [(String, StateShape)] =
            self == .g ? [] : [("gsi_legacy_allocator", ids), ("gsi_msi_allocator", ids)]
        let names =
            ["mmio32_memory", "mmio64_memory"] + (self == .e ? [] : ["past_mmio64_memory"])
            + ["system_memory"]
        return Self.record(numbers + names.map { ($0, ranges) })
    }

    /// Of one vCPU.
    private var vcpu: StateShape {
        let features = StateShape.array(7, .number(4))
        guard self != .a else {
            return Self.record([
                ("mp_state", .number(4)), ("regs", Self.registers), ("mpidr", .number(8)),
                ("kvi", .optional(Self.record([("target", .number(4)), ("features", features)]))),
            ])
        }
        let fields: [(String, StateShape)] = [
            ("mp_state", .bytes), ("regs", Self.registers), ("mpidr", .number(8)),
            ("kvi", .bytes),
        ]
        let hasTime = ![.b, .c, .d].contains(self)
        return Self.record(
            fields + (hasTime ? [("pvtime_ipa", .optional(.number(8)))] : []))
    }

    /// The registers of a vCPU, which no version has changed.
    static let registers = record([("ids", .list(.number(8))), ("data", .bytes)])

    /// Each shape of the vCPUs once, newest first.
    static let shapesOfVCPUs = [FirecrackerLayout.g, .d, .a].map { StateShape.list($0.vcpu) }
}
