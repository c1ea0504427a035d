internal import Registers
internal import TextFormats
public import Transfer
internal import VCPUModel

extension PolicyProposal {
    /// What the guest's owner is asked: whether some rules that mean the same to the guest may be.
    public struct Question: Hashable, Sendable {
        /// As they stand in a policy.
        public fileprivate(set) var rules: [String]
        /// What the guest could notice.
        public let consequence: String

        fileprivate var names: [String]
        fileprivate let kind: Kind

        /// The question itself, which is to be answered with yes or no.
        public var text: String {
            let names = names.listed(atMost: Self.maximumNames)
            return switch kind {
            case .counter: "May the guest's counter change its frequency?"
            case .missing: "May the guest go on with the destination's \(names)?"
            case .absent: "May the guest lose \(names)?"
            case .refused: "May the guest find another value in \(names)?"
            case .changed: "May KVM change what the guest has in \(names)?"
            case .writing: "Write the mended stream?"
            }
        }

        /// Where no rule is missing.
        static let writing = Question(
            rules: [], consequence: "the policy pardons all that changes in it", names: [],
            kind: .writing)

        /// The rules name the others.
        private static let maximumNames = 4
    }

    /// A question for each thing that the guest could notice, in the order of the rules.
    public func questions(_ values: ValueText) -> [Question] {
        var questions: [Question] = []
        for rule in proposed {
            let (name, line) = (rule.subject, rule.rule.description)
            let (consequence, kind) = (rule.comment(values), rule.kind)
            if let last = questions.last, last.kind == kind, last.consequence == consequence {
                questions[questions.count - 1].names.append(name)
                questions[questions.count - 1].rules.append(line)
            } else {
                questions.append(
                    Question(rules: [line], consequence: consequence, names: [name], kind: kind))
            }
        }
        return questions
    }
}

extension PolicyProposal.Question {
    /// What a question is about.
    fileprivate enum Kind { case counter, missing, absent, refused, changed, writing }
}

extension PolicyProposal.Rule {
    /// The register or the field.
    fileprivate var subject: String {
        guard case .field(let id, let field, _, _, _) = self else { return rule.pattern.text }
        return "\(id).\(field.name)"
    }

    fileprivate var kind: PolicyProposal.Question.Kind {
        switch self {
        case .counter: .counter
        case .missing: .missing
        case .loss(_, .absent, _, _, _): .absent
        case .loss(_, .refused(_), _, _, _), .field: .refused
        case .loss: .changed
        }
    }
}
