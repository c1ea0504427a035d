import Registers
import Testing

struct DictionaryTests {
    @Test func theTablesHaveWhatTheDataSays() throws {
        let records = try DataFiles.records("registers.jsonl")
        #expect(records.count == RegisterDictionary.all.count)
        for record in records {
            let id = try #require(RegisterID(parsing: record.text("id")))
            let entry = try #require(RegisterDictionary.entry(for: id))
            #expect(entry.id == id)
            #expect(entry.name == record.firstName)
            #expect(entry.aliases == record["aliases"] as? [String] ?? [])
            #expect(entry.notes == record["notes"] as? String)
            #expect(entry.isOpaque == record["opaque"] as? Bool ?? false)
            #expect(entry.mapping?.name == record["mapping"] as? String)
            #expect(entry.setView?.name == record["clearViewOf"] as? String)
        }
    }

    @Test func layoutsAreWhatTheDataSays() throws {
        let fields = try DataFiles.records("layouts.jsonl")
        let layouts = Dictionary(grouping: fields.flatMap(\.repeated)) {
            $0["layout"] as? String ?? ""
        }
        for record in try DataFiles.records("registers.jsonl") {
            let entry = try #require(RegisterDictionary.entry(named: record.firstName))
            let layout = layouts[record["layout"] as? String ?? "none"] ?? []
            // Those of a family are named by INTID, from that of its first register on.
            if record["family"] == nil {
                #expect(entry.fields.map(\.name) == layout.map { $0["field"] as? String })
            }
            #expect(entry.fields.map(\.msb) == layout.map { $0["msb"] as? Int })
            #expect(entry.fields.map(\.lsb) == layout.map { $0["lsb"] as? Int })
            #expect(entry.fields.map(\.kind.rawValue) == layout.map { $0["kind"] as? String })
            for (field, expected) in zip(entry.fields, layout) {
                let values = expected["values"] as? [String: String] ?? [:]
                #expect(field.namedValues.count == values.count)
                for (value, name) in values {
                    #expect(UInt64(value).flatMap(field.valueName) == name)
                }
            }
        }
    }

    @Test func entriesAreSortedByID() {
        let ids = RegisterDictionary.all.map(\.id)
        #expect(zip(ids, ids.dropFirst()).allSatisfy { $0 < $1 })
    }

    @Test func everySystemRegisterIsThere() {
        let system = RegisterDictionary.all.filter {
            if case .system = $0.id.group { true } else { false }
        }
        #expect(system.count == 783)
    }

    @Test func everyRegisterThatKVMListsHasAName() throws {
        let ids = try DataFiles.listedIDs()
        #expect(ids.count == 394)
        for id in ids {
            #expect(RegisterDictionary.entry(for: id) != nil, "\(id.hex)")
        }
    }

    @Test func everyListedRegisterHasABehaviorOnEveryKernelThatHasIt() throws {
        for id in try DataFiles.listedIDs() {
            let entry = try #require(RegisterDictionary.entry(for: id))
            #expect(entry.behavior(onKernel: KernelVersion(6, 12, 117)) != nil, "\(id)")
        }
    }

    @Test func fieldsTileEveryRegisterThatHasALayout() throws {
        for entry in RegisterDictionary.all {
            let size = try #require(entry.id.size)
            if entry.isOpaque {
                #expect(entry.fields.isEmpty)
            } else {
                Self.expectTiles(entry.fields, bits: size * 8, entry.name)
            }
            for variant in entry.variants {
                Self.expectTiles(variant.fields, bits: size * 8, "\(entry.name) \(variant.when)")
            }
        }
    }

    private static func expectTiles(_ fields: [RegisterField], bits: Int, _ name: String) {
        var top = bits
        for field in fields {
            #expect(field.msb == top - 1, "\(name).\(field.name)")
            #expect(1...64 ~= field.width, "\(name).\(field.name)")
            top = field.lsb
        }
        #expect(top == 0, "\(name)")
    }

    @Test func unknownRegistersHaveNoEntry() {
        #expect(RegisterDictionary.entry(for: RegisterID(rawValue: 0)) == nil)
        #expect(RegisterDictionary.entry(for: RegisterID(rawValue: .max)) == nil)
        #expect(RegisterDictionary.entry(named: "") == nil)
        #expect(RegisterDictionary.entry(named: "SCTLR_EL") == nil)
        #expect(RegisterDictionary.entry(named: "SCTLR_EL1\0") == nil)
        #expect(RegisterDictionary.entry(named: "SCTLR_EL11") == nil)
        #expect(RegisterDictionary.entry(named: "ŞCTLR_EL1") == nil)
    }

    // MARK: Fields

    @Test func fieldsOfID_AA64PFR0_EL1() throws {
        let fields = try #require(RegisterDictionary.entry(named: "ID_AA64PFR0_EL1")).fields
        let csv3 = try #require(fields.first)
        #expect(csv3.name == "CSV3")
        #expect(csv3.msb == 63 && csv3.lsb == 60)
        #expect(csv3.kind == .unsignedEnum && !csv3.isReserved)
        #expect(csv3.extract(from: 0x1234_5678_9abc_def0) == 1)
        #expect(csv3.valueName(1) == "IMP" && csv3.valueName(9) == nil)
        #expect(csv3.touches(1 << 60) && !csv3.touches(1 << 59))
    }

    @Test func fieldsOfTheVCPURegisters() throws {
        let features = try #require(RegisterDictionary.entry(for: .vcpuInit)).fields
        let sve = try #require(features.first { $0.name == "SVE" })
        #expect(sve.msb == 36 && sve.width == 1)
        let target = try #require(features.last)
        #expect(target.valueName(5) == "GENERIC_V8")
        let state = try #require(RegisterDictionary.entry(for: .mpState)?.fields.first)
        #expect(state.valueName(10) == "SUSPENDED")
        let syndrome = try #require(RegisterDictionary.entry(for: .vcpuEvents)?.fields.first)
        #expect(syndrome.name == "serror_esr" && syndrome.msb == 127 && syndrome.lsb == 64)
    }

    @Test func extractionFromBytesAgreesWithExtractionFromBits() {
        let bits: UInt64 = 0x8123_4567_89ab_cdef
        let bytes = (0..<8).map { UInt8(truncatingIfNeeded: bits >> UInt64($0 * 8)) }
        for entry in RegisterDictionary.all where entry.id.size == 8 {
            for field in entry.fields {
                #expect(field.extract(fromLittleEndian: bytes) == field.extract(from: bits))
            }
        }
    }

    @Test func extractionFromWideRegisters() throws {
        let fields = try #require(RegisterDictionary.entry(for: .vcpuEvents)).fields
        let bytes: [UInt8] = [1, 2, 3, 0, 0, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1]
        let values = fields.filter { !$0.isReserved }.map { $0.extract(fromLittleEndian: bytes) }
        #expect(values == [0x0102_0304_0506_0708, 3, 2, 1])
        #expect(fields[0].extract(fromLittleEndian: [1, 2, 3]) == 0)
        #expect(fields[0].extract(from: .max) == 0)
    }

    // MARK: Kinds

    @Test func kindsOfRegisters() throws {
        func entry(_ name: String) throws -> RegisterEntry {
            try #require(RegisterDictionary.entry(named: name))
        }
        #expect(try entry("ID_AA64MMFR0_EL1").isFeatureIDRegister)
        #expect(try entry("S3_0_C0_C7_7").isFeatureIDRegister)
        #expect(try !entry("MIDR_EL1").isFeatureIDRegister)
        #expect(try entry("MIDR_EL1").isImplementationID)
        #expect(try entry("CNTVCT_EL0").isCounter && !entry("CNTVCT_EL0").isTimer)
        #expect(try entry("CNTV_CTL_EL0").isTimer && !entry("CNTV_CTL_EL0").isCounter)
        #expect(try entry("PMEVCNTR30_EL0").isPMU && !entry("PMEVCNTR30_EL0").isCounter)
        #expect(try entry("APGAKEYHI_EL1").isSecret && !entry("SCTLR_EL1").isSecret)
        #expect(try entry("PSCI_VERSION").isVMWide && !entry("SCTLR_EL1").isVMWide)
        #expect(try entry("SMCCC_ARCH_WORKAROUND_3").isCheckedOnly)
        #expect(try entry("x7").isOpaque && !entry("pstate").isOpaque)
        #expect(RegisterDictionary.all.filter(\.isSecret).count == 10)
        #expect(RegisterDictionary.all.filter(\.isFeatureIDRegister).count == 56)
        #expect(RegisterDictionary.all.filter(\.isImplementationID).count == 5)
    }

    @Test func setAndClearViewsNameEachOther() throws {
        let views = RegisterDictionary.all.filter(\.isClearView)
        #expect(views.map(\.name) == ["PMINTENCLR_EL1", "PMCNTENCLR_EL0", "PMOVSCLR_EL0"])
        for view in views {
            let set = try #require(view.setView.flatMap(RegisterDictionary.entry(for:)))
            #expect(set.clearView == view.id && set.setView == nil && view.clearView == nil)
        }
        #expect(RegisterDictionary.all.filter { $0.clearView != nil }.count == 3)
    }

    @Test(arguments: [
        ("CNTVCT_EL0", UInt64.max), ("CNTPCT_EL0", .max), ("PMCCNTR_EL0", .max),
        ("PMEVCNTR0_EL0", .max), ("CNTV_CTL_EL0", 4), ("CNTP_CTL_EL0", 4), ("CNTV_CVAL_EL0", 0),
        ("SCTLR_EL1", 0), ("x0", 0),
    ])
    func volatileBits(name: String, bits: UInt64) throws {
        #expect(try #require(RegisterDictionary.entry(named: name)).volatileBits == bits)
    }
}
