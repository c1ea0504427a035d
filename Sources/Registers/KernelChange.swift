internal import CFormatData

/// A change of KVM's user ABI on arm64 that a guest or its VMM can notice (Formats/registers/changes.jsonl).
package struct KernelChange: Sendable {
    /// What became of the registers and abilities that a change is about.
    package enum Kind: String, CaseIterable, Sendable {
        /// They are in the list, or can be had.
        case came
        /// They are no longer in the list, or no longer always.
        case went
        /// Userspace chooses their value now.
        case writable
        /// Anything else.
        case changed
    }

    /// How a change is known.
    package enum Basis: String, CaseIterable, Sendable {
        /// Kernels on both sides of it were run.
        case examined
        /// It is in the list of changes of a stable kernel.
        case stable
        /// It is in a release and not in the one before, by commit or by the notes of the pull request.
        case release
        /// It was read in the sources of kernels, in mails or in commits.
        case source
        /// It is merged, and in no release yet.
        case announced
    }

    /// What a change can be about.
    package enum Subject: Hashable, Sendable {
        /// A register, with all its fields.
        case register(RegisterID)
        /// One field of a register.
        case field(RegisterID, String)
        /// A capability or a feature, by the name of its macro: `KVM_CAP_ARM_SVE`, `KVM_ARM_VCPU_SVE`.
        case macro(String)
    }

    private let row: cformat_change

    /// The kernels that have it, ascending: stable ones to which it was ported back, then the release.
    package var kernels: [KernelVersion] { Self.versions(row.kernels, row.kernel_count) }

    /// What became of its subjects.
    package var kind: Kind { Kind.allCases[Int(row.kind)] }

    /// The change in one sentence.
    package var text: String { Tables.string(row.what) }

    /// What there is to be doubted, in words.
    package var note: String? { Tables.optionalString(row.note) }

    /// The commits, 12 digits each; empty where they are not known.
    package var commits: [String] {
        Tables.string(row.commits).split(separator: " ").map(String.init)
    }

    /// How it is known.
    package var bases: [Basis] {
        Basis.allCases.enumerated().filter { row.bases >> $0.offset & 1 != 0 }.map(\.element)
    }

    /// The kernels that were run, on both sides of it; empty where no run has confirmed it.
    package var examined: [KernelVersion] { Self.versions(row.examined, row.examined_count) }

    private var subjects: some Sequence<Subject> {
        Tables.run(row.subjects, row.subject_count).lazy.map { Subject(Tables.subjects[$0]) }
    }

    /// The changes that are about something, oldest release first; a register's are those of its fields too, and a
    /// field's those of its register.
    package static func all(of subject: Subject) -> [KernelChange] {
        Tables.changes.map(KernelChange.init).filter {
            $0.subjects.contains(where: subject.overlaps)
        }
    }

    private static func versions(_ start: UInt16, _ count: UInt8) -> [KernelVersion] {
        Tables.run(start, count).compactMap { KernelVersion(packed: Tables.kernels[$0].version) }
    }
}

extension KernelChange.Subject {
    fileprivate init(_ row: cformat_subject) {
        let name = Tables.string(row.name)
        guard row.reg != CFORMAT_NONE else {
            self = .macro(name)
            return
        }
        let id = RegisterEntry(index: row.reg).id
        self = name.isEmpty ? .register(id) : .field(id, name)
    }

    /// Whether both are the same, or one is a field of the other.
    fileprivate func overlaps(_ other: Self) -> Bool {
        switch (self, other) {
        case (.register(let id), .field(let otherID, _)),
            (.field(let id, _), .register(let otherID)):
            id == otherID
        default: self == other
        }
    }
}
