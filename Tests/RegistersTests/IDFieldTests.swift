import Registers
import Testing

struct IDFieldTests {
    private func rule(_ register: String, _ field: String) throws -> IDFieldRule {
        let entry = try #require(RegisterDictionary.entry(named: register))
        return try #require(entry.idFieldRules.first { $0.field == field })
    }

    @Test func rulesAreThoseOfTheData() throws {
        let records = try DataFiles.records("id-fields.jsonl")
        let rules = RegisterDictionary.all.flatMap(\.idFieldRules)
        #expect(records.count == rules.count)
        for record in records {
            let rule = try rule(record.text("register"), record.text("field"))
            #expect(rule.msb == record["msb"] as? Int && rule.lsb == record["lsb"] as? Int)
            #expect(rule.hostRule.rawValue == record["rule"] as? String)
            #expect(rule.rule.rawValue == record["kvmRule"] as? String ?? rule.hostRule.rawValue)
            #expect(rule.isSigned == record["signed"] as? Bool ?? false)
            #expect(rule.safe.map(Int.init) == record["safe"] as? Int)
            #expect(rule.feature == record["feature"] as? String)
            let specials = record["special"] as? [[String: Any]] ?? []
            #expect(rule.specials.count == specials.count)
            for (special, record) in zip(rule.specials, specials) {
                let values = special.values.map { [Int($0.lowerBound), Int($0.upperBound)] }
                #expect(values == record["values"] as? [Int])
                #expect(special.stored.map(Int.init) == record["stored"] as? Int)
                #expect(special.offered.map(Int.init) == record["offered"] as? Int)
                #expect(special.feature == record["feature"] as? String)
                #expect((special.hardware.mask != 0) == (record["hardware"] != nil))
            }
        }
    }

    @Test func rulesStandInTheirRegisters() {
        for entry in RegisterDictionary.all {
            var taken: UInt64 = 0
            for rule in entry.idFieldRules {
                #expect(rule.register == entry.id)
                #expect(
                    taken & rule.mask == 0, "\(entry.name).\(rule.field) overlaps another field")
                taken |= rule.mask
            }
        }
    }

    @Test func whatIsWritableOnWhichKernel() throws {
        let csv3 = try rule("ID_AA64PFR0_EL1", "CSV3")
        #expect(csv3.isWritable(onKernel: KernelVersion(6, 1)))
        let dit = try rule("ID_AA64PFR0_EL1", "DIT")
        #expect(!dit.isWritable(onKernel: KernelVersion(6, 1, 176)))
        #expect(!dit.isWritable(onKernel: KernelVersion(6, 6)))
        #expect(dit.isWritable(onKernel: KernelVersion(6, 7)))
        #expect(try !rule("ID_AA64PFR0_EL1", "MPAM").isWritable(onKernel: KernelVersion(7, 3)))
        #expect(try !rule("MIDR_EL1", "PartNum").isWritable(onKernel: KernelVersion(6, 12)))
        #expect(try rule("MIDR_EL1", "PartNum").isWritable(onKernel: KernelVersion(6, 15)))
    }

    @Test func whatEachRuleAccepts() throws {
        let lower = try rule("ID_AA64ISAR0_EL1", "AES")
        #expect(lower.rule == .lowerSafe)
        #expect(
            lower.accepts(1, host: 2) && lower.accepts(2, host: 2) && !lower.accepts(3, host: 2))
        // Signed: 15 is -1, below 0.
        let signed = try rule("ID_AA64PFR0_EL1", "FP")
        #expect(signed.isSigned && signed.accepts(15, host: 0) && !signed.accepts(0, host: 15))
        let exact = try rule("ID_AA64MMFR0_EL1", "TGRAN4_2")
        #expect(exact.rule == .exact && exact.safe == 1)
        #expect(
            exact.accepts(1, host: 2) && exact.accepts(3, host: 3) && !exact.accepts(3, host: 2))
        let bounded = try rule("ID_AA64DFR0_EL1", "PMUVer")
        #expect(bounded.rule == .lowerSafe && bounded.hostRule == .exact)
        let free = try rule("CLIDR_EL1", "LoC")
        #expect(free.rule == .any && free.accepts(7, host: 0))
    }

    @Test func higherRules() {
        let rules = RegisterDictionary.all.flatMap(\.idFieldRules)
        for rule in rules where rule.rule == .higherSafe {
            #expect(rule.accepts(2, host: 1) && !rule.accepts(1, host: 2))
        }
        for rule in rules where rule.rule == .higherOrZeroSafe {
            #expect(rule.accepts(0, host: 2) && rule.accepts(3, host: 2))
            #expect(!rule.accepts(1, host: 2) && !rule.accepts(1, host: 0))
        }
    }

    @Test func specials() throws {
        let special = try #require(rule("ID_AA64PFR0_EL1", "MPAM").specials.first)
        #expect(special.kind == .ignoredIfHostValue && special.since == KernelVersion(6, 12, 6))
        let hardware = try #require(rule("ID_AA64PFR1_EL1", "MTE_frac").specials.first).hardware
        #expect(hardware.match(0xf00_0000_0200) && !hardware.match(0xf00_0000_0300))
    }

    @Test func extraction() throws {
        let rule = try rule("ID_AA64PFR0_EL1", "CSV2")
        #expect(rule.mask == 0x0f00_0000_0000_0000)
        #expect(rule.extract(from: 0x1234_0000_0000_0000) == 2)
    }
}
