public import Registers
internal import TextFormats

/// Where a snapshot comes from: text entries by key, in the order they were set.
///
/// The keys this version writes are the static members below; others survive reading and writing.
/// Keys and values are single lines of UTF-8.
public struct Provenance: Hashable, Sendable {
    /// Keys are equal when their bytes are, not when Unicode calls them equivalent: so the file
    /// format says.
    public struct Key: RawRepresentable, Hashable, Sendable {
        /// The key as the file has it: one line of UTF-8.
        public let rawValue: String

        /// Takes any text; `Formats/vcpusnap-v1.md` says what a file may have as a key.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// Whether both are the same bytes: Unicode's equivalence does not count.
        public static func == (left: Key, right: Key) -> Bool {
            left.rawValue.utf8.elementsEqual(right.rawValue.utf8)
        }

        /// The program that wrote the snapshot and its version: `vcpusnap 0.2.0`.
        public static let tool = Key(rawValue: "tool")
        /// When the state was read, UTC, RFC 3339 with seconds: `2026-11-24T11:09:53Z`.
        public static let time = Key(rawValue: "time")
        /// What was read: `kvm:`, `emulated:NAME`.
        public static let source = Key(rawValue: "source")
        /// The kernel release of the host, `uname -r`.
        public static let kernel = Key(rawValue: "kernel")
        /// The host's MIDR_EL1 as the vCPU saw it, hexadecimal.
        public static let midr = Key(rawValue: "midr")
        /// CNTFRQ_EL0 of the host, in Hz, decimal.
        public static let counterFrequency = Key(rawValue: "counter-frequency")

        /// The machine type of the QEMU that wrote the state: `virt-10.0`.
        public static let qemuMachine = Key(rawValue: "qemu-machine")
        /// The name of the process whose vCPUs these are: `qemu-system-aar`.
        public static let vmm = Key(rawValue: "vmm")

        /// Why `KVM_RUN` returned last on a vCPU of a running process: `INTR`, `MMIO`.
        public static func exitReason(_ vcpu: Int) -> Key {
            Key(rawValue: "exit-reason.\(vcpu)")
        }

        /// The QEMU version that the state was taken from: `10.0.2`.
        public static let qemuVersion = Key(rawValue: "qemu-version")
        /// What ran the vCPUs in QEMU: `kvm`, `tcg` or `hvf`.
        public static let accelerator = Key(rawValue: "qemu-accelerator")

        /// The value of `KVM_CHECK_EXTENSION` for one capability, decimal.
        ///
        /// The key is `capability.KVM_CAP_ARM_SVE`, for example. Capabilities that are 0 or have no
        /// bearing on a vCPU's state are left out.
        public static func capability(_ name: String) -> Key {
            Key(rawValue: "capability." + name)
        }

        /// `1` for a vCPU feature that the host offers: `feature.SVE`.
        public static func feature(_ name: String) -> Key {
            Key(rawValue: "feature." + name)
        }

        /// What stands before the id of a register whose writable bits are told.
        public static let writableMaskPrefix = "writable-mask."

        /// The bits of an ID register that the host lets be written, hexadecimal.
        public static func writableMask(_ id: RegisterID) -> Key {
            Key(rawValue: writableMaskPrefix + id.hex)
        }
    }

    /// Every key once, with its value.
    public private(set) var entries: [(key: Key, value: String)] = []

    /// No entries.
    public init() {}

    /// Says what is known of the host that vCPUs were made on.
    package mutating func setHost(kernel: String, midr: UInt64?, counterFrequency: UInt64?) {
        self[.kernel] = kernel
        self[.midr] = midr.map { RegisterValue($0).description }
        self[.counterFrequency] = counterFrequency.map { String($0) }
    }

    /// The value of a key; nil when there is no such entry, and setting nil removes it.
    ///
    /// A new key goes to the end; a new value of an old key stays in its place.
    public subscript(key: Key) -> String? {
        get { entries.first { $0.key == key }?.value }
        set {
            let index = entries.firstIndex { $0.key == key }
            switch (index, newValue) {
            case (let index?, let value?): entries[index].value = value
            case (let index?, nil): entries.remove(at: index)
            case (nil, let value?): entries.append((key, value))
            case (nil, nil): break
            }
        }
    }

    /// The entries whose keys begin so, with what follows in the key.
    public func entries(below prefix: String) -> [(name: String, value: String)] {
        entries.filter { $0.key.rawValue.utf8.starts(with: prefix.utf8) }.map { key, value in
            (String(decoding: key.rawValue.utf8.dropFirst(prefix.utf8.count), as: UTF8.self), value)
        }
    }

    /// The kernel's version; nil where the release is not known or tells none.
    public var kernelVersion: KernelVersion? {
        self[.kernel].flatMap { KernelVersion(parsing: $0) }
    }

    /// CNTFRQ_EL0, in Hz; nil where it is not known.
    public var counterFrequency: UInt64? {
        self[.counterFrequency].flatMap { NumberText.decimal($0) }
    }

    /// Whether both have the same entries, byte for byte.
    public static func == (left: Provenance, right: Provenance) -> Bool {
        left.entries.elementsEqual(right.entries) {
            $0.key == $1.key && $0.value.utf8.elementsEqual($1.value.utf8)
        }
    }

    /// Feeds every entry to a hasher.
    public func hash(into hasher: inout Hasher) {
        for (key, value) in entries {
            hasher.combine(key)
            hasher.combine(value)
        }
    }
}
