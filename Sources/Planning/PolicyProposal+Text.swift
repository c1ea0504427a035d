internal import Registers
public import Transfer
internal import VCPUModel

extension PolicyProposal.Rule {
    /// What it means to the guest.
    public func comment(_ values: ValueText) -> String {
        switch self {
        case .counter(let counter):
            "the guest's counter runs at \(counter.host) Hz in place of \(counter.guest) Hz, and "
                + "its clocks with it"
        case .missing(let id, let held):
            "the snapshot does not have it: the guest goes on with the destination's value"
                + (values.shortText(held, of: id).map { ", \($0)" } ?? "")
        case .field(let id, let field, let value, let saved, let notice):
            "the guest's \(id).\(field.name) becomes \(RegisterValue(value)), and was \(RegisterValue(saved))"
                + Self.end(notice)
        case .loss(let id, let outcome, let saved, let held, let notice):
            Self.meaning(id, outcome, saved, held, values)
                + Self.end(notice)
        }
    }

    private static func end(_ notice: GuestImpact?) -> String {
        notice.map { "; in the guest: \($0.text)" } ?? ""
    }

    private static func meaning(
        _ id: RegisterID, _ outcome: RegisterOutcome, _ saved: RegisterValue,
        _ held: RegisterValue?, _ values: ValueText
    ) -> String {
        let before = values.shortText(saved, of: id)
        let after = values.shortText(held, of: id).map { " \($0)" } ?? ""
        switch outcome {
        case .absent:
            return "the destination does not have it, and what it holds"
                + (before.map { ", \($0)," } ?? "") + " is lost"
        case .refused:
            if let told = WorkaroundLevel(saved.lowBits, of: id), let held,
                let host = WorkaroundLevel(held.lowBits, of: id)
            {
                return
                    "the guest was told \(told.name) and goes by that, and the destination has \(host.name): "
                    + "it may run without a mitigation that it needs there"
            }
            let changed = held.flatMap { saved.differingBits(from: $0)?.lowBits } ?? 0
            let fields = RegisterDictionary.entry(for: id)?.fieldsText(of: changed) ?? ""
            return "the guest finds\(after) in place of\(before.map { " \($0)" } ?? "")\(fields)"
        default:
            if id == .sveVLS { return "the guest's vectors become shorter" }
            if id == .vcpuInit, let lost = lostFeatures(saved, held) {
                return "the guest's vCPUs are made without \(lost)"
            }
            return before.map { "KVM makes\(after) of \($0)" }
                ?? "bits beyond the destination's vector length are lost"
        }
    }
}

/// What vCPUs had and have no more, by names; nil where they have it all.
private func lostFeatures(_ saved: RegisterValue, _ held: RegisterValue?) -> String? {
    guard let had = VCPUInit(saved)?.features, let has = held.flatMap({ VCPUInit($0) })?.features
    else { return nil }
    let lost = had.subtracting(has).names
    return lost.isEmpty ? nil : lost.joined(separator: ", ")
}

extension ValueText {
    /// A value of at most 64 bits; nil for a longer one.
    fileprivate func shortText(_ value: RegisterValue?, of id: RegisterID) -> String? {
        value.flatMap { $0.size <= 8 ? text($0, of: id) : nil }
    }
}

extension PolicyProposal {
    /// Why a policy with the rules was not written.
    public struct TooLong: Error, CustomStringConvertible {
        /// What a policy has at most: `1000 rules`.
        fileprivate let most: String

        /// What it would have too many of, and how fewer rules do the same.
        public var description: String {
            "the policy was not written because it would have more than \(most): give --policy a policy whose "
                + "patterns pardon many registers with one rule (drop 'PMEV*'), or --policy force"
        }
    }

    /// A policy file (Formats/policy-v1.md): what the old one says, in its own words where it is a file, and the rules
    /// proposed, each below what it means to the guest.
    ///
    /// The comments are left out where a policy would be too long with them.
    /// - Throws: where it would be too long without them too.
    public func file(
        after policy: LoadedPolicy, _ values: ValueText
    ) throws(TooLong) -> [UInt8] {
        typealias Limit = RestorePolicy.Limit
        guard policy.policy.rules.count + proposed.count <= Limit.rules else {
            throw TooLong(most: "\(Limit.rules) rules")
        }
        let old = policy.text ?? "vpolicy 1\nbase \(policy.policy.base.rawValue)"
        let first = [
            old.hasSuffix("\n") ? String(old.dropLast()) : old,
            "# Delete the rules below whose registers the guest needs.",
        ]
        for lines in [Self.lines(proposed, values), proposed.map(\.rule.description)] {
            let file = Array(((first + lines).joined(separator: "\n") + "\n").utf8)
            if file.count <= Limit.size { return file }
        }
        throw TooLong(most: "\(Limit.size) bytes")
    }

    /// Lines of a policy: each rule below what it means to the guest, which is said once for several.
    public static func lines(_ rules: [Rule], _ values: ValueText) -> [String] {
        var last: String?
        return rules.flatMap { rule in
            let (comment, line) = (rule.comment(values), rule.rule.description)
            defer { last = comment }
            return comment == last ? [line] : ["# \(comment)", line]
        }
    }
}
