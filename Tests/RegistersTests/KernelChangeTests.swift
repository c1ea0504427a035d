import Registers
import Testing

@Suite("Changes of KVM's user ABI")
struct KernelChangeTests {
    private func changes(_ name: String) throws -> [KernelChange] {
        let entry = try #require(RegisterDictionary.entry(named: name))
        return KernelChange.all(of: .register(entry.id))
    }

    private func releases(_ changes: [KernelChange]) -> [String] {
        changes.compactMap { $0.kernels.last?.description }
    }

    @Test func theTablesHaveWhatTheDataSays() throws {
        for record in try DataFiles.records("changes.jsonl") {
            let what = try record.text("what")
            let patterns = try #require(record["of"] as? [String])
            // Whatever has no pattern is about what it names.
            for name in patterns where !name.contains(where: "*?[!".contains) {
                let change = try #require(
                    KernelChange.all(of: subject(name)).first { $0.text == what })
                #expect(change.kernels.map(\.description) == record["from"] as? [String])
                #expect(change.kind.rawValue == record["kind"] as? String)
                #expect(change.commits == record["commits"] as? [String] ?? [])
                #expect(
                    Set(change.bases.map(\.rawValue)) == Set(record["basis"] as? [String] ?? []))
                #expect(change.examined.map(\.description) == record["examined"] as? [String] ?? [])
                #expect(change.note == record["note"] as? String)
            }
        }
    }

    private func subject(_ name: String) throws -> KernelChange.Subject {
        guard !name.hasPrefix("KVM_") else { return .macro(name) }
        let parts = name.split(separator: ".").map(String.init)
        let entry = try #require(RegisterDictionary.entry(named: parts[0]), "\(name)")
        return parts.count == 1 ? .register(entry.id) : .field(entry.id, parts[1])
    }

    @Test func fieldsAndTheirRegister() throws {
        let id = RegisterID.idAA64PFR0EL1
        let all = releases(KernelChange.all(of: .register(id)))
        let one = releases(KernelChange.all(of: .field(id, "CSV2")))
        let other = releases(KernelChange.all(of: .field(id, "MPAM")))
        #expect(
            one.first == "4.15" && one.contains("5.10") && one.contains("6.7")
                && !one.contains("6.13"))
        #expect(!other.contains("5.10") && other.contains("6.13") && other.contains("6.7"))
        #expect(Set(all).isSuperset(of: one + other))
    }

    @Test func patternsLeaveOut() throws {
        #expect(releases(try changes("SCTLR_EL2")) == ["6.3", "6.16", "7.0"])
        #expect(releases(try changes("GICD_IIDR")) == ["4.19", "5.19"])
        #expect(releases(try changes("SCTLR2_EL2")) == ["6.17"])
        #expect(releases(try changes("PMCCNTR_EL0")) == ["5.11", "7.4"])
        #expect(try changes("PMCCNTR").isEmpty)
    }

    @Test func backportsStandBeforeTheRelease() throws {
        let change = try #require(try changes("ID_ISAR0_EL1").last { $0.kind == .writable })
        #expect(change.kernels.map(\.description) == ["6.12.60", "6.17.9", "6.18"])
        #expect(change.commits == ["3f9eacf4f070"] && change.bases == [.examined, .stable])
    }

    @Test func capabilitiesAndFeatures() {
        #expect(releases(KernelChange.all(of: .macro("KVM_ARM_VCPU_HAS_EL2"))) == ["6.16"])
        let monitors = KernelChange.all(of: .macro("KVM_ARM_VCPU_PMU_V3"))
        #expect(releases(monitors) == ["5.11", "6.16", "7.4"])
        #expect(releases(KernelChange.all(of: .macro("KVM_CAP_ARM_MTE"))) == ["5.14"])
        #expect(KernelChange.all(of: .macro("KVM_CAP_NO_SUCH")).isEmpty)
        #expect(VCPUFeature.named("kvm_arm_vcpu_sve")?.bit == 4)
        #expect(VCPUFeature.named("SVE")?.macro == "KVM_ARM_VCPU_SVE")
        #expect(VCPUFeature.named("KVM_ARM_VCPU_") == nil)
    }
}
