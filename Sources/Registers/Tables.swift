internal import CFormatData

/// The tables generated from Formats/registers.
///
/// Every index in them is valid by construction: Scripts/generate makes them together.
enum Tables {
    static let registers = Table(cformat_registers_table(), cformat_registers_count)
    static let names = Table(cformat_names_table(), cformat_names_count)
    static let dumpNames = Table(cformat_dump_names_table(), cformat_dump_names_count)
    static let aliases = Table(cformat_aliases_table(), cformat_aliases_count)
    static let variants = Table(cformat_variants_table(), cformat_variants_count)
    static let fields = Table(cformat_fields_table(), cformat_fields_count)
    static let values = Table(cformat_values_table(), cformat_values_count)
    static let meanings = Table(cformat_meanings_table(), cformat_meanings_count)
    static let parts = Table(cformat_parts_table(), cformat_parts_count)
    static let behaviors = Table(cformat_behaviors_table(), cformat_behaviors_count)
    static let conditions = Table(cformat_conditions_table(), cformat_conditions_count)
    static let idFields = Table(cformat_id_fields_table(), cformat_id_fields_count)
    static let specials = Table(cformat_specials_table(), cformat_specials_count)
    static let cpus = Table(cformat_cpus_table(), cformat_cpus_count)
    static let capabilities = Table(cformat_capabilities_table(), cformat_capabilities_count)
    static let features = Table(cformat_features_table(), cformat_features_count)
    static let targets = Table(cformat_targets_table(), cformat_targets_count)
    static let psciVersions = Table(cformat_psci_versions_table(), cformat_psci_versions_count)
    static let kernelVendors = Table(
        cformat_kernel_vendors_table(), cformat_kernel_vendors_count)
    static let controls = Table(cformat_controls_table(), cformat_controls_count)
    static let services = Table(cformat_services_table(), cformat_services_count)
    static let changes = Table(cformat_changes_table(), cformat_changes_count)
    static let kernels = Table(cformat_kernels_table(), cformat_kernels_count)
    static let subjects = Table(cformat_subjects_table(), cformat_subjects_count)
    static let showings = Table(cformat_showings_table(), cformat_showings_count)
    static let cpuValues = Table(cformat_cpu_values_table(), cformat_cpu_values_count)

    static func string(_ offset: UInt32) -> String {
        String(cString: cformat_string(offset))
    }

    /// Nil for offset 0, the empty string, which stands for "none".
    static func optionalString(_ offset: UInt32) -> String? {
        offset == 0 ? nil : string(offset)
    }

    /// The rows of a run.
    static func run(_ start: UInt16, _ count: some BinaryInteger) -> Range<Int> {
        Int(start)..<Int(start) + Int(count)
    }
}

/// One of them, which no one writes to.
struct Table<Row>: RandomAccessCollection, @unchecked Sendable {
    private let rows: UnsafeBufferPointer<Row>

    init(_ first: UnsafePointer<Row>, _ count: UInt32) {
        rows = UnsafeBufferPointer(start: first, count: Int(count))
    }

    var startIndex: Int { 0 }
    var endIndex: Int { rows.count }
    subscript(index: Int) -> Row { rows[index] }
}

extension RandomAccessCollection where Index == Int {
    /// Where the first element of a sorted collection is that is not before what is searched; its end where all are.
    @inlinable
    package func lowerBound(isBefore: (Element) -> Bool) -> Int {
        var (low, high) = (startIndex, endIndex)
        while low < high {
            let middle = (low + high) / 2
            if isBefore(self[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
