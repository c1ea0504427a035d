internal import CFormatData

/// The tables generated from Formats/registers.
///
/// Every index in them is valid by construction: Scripts/generate makes them together.
enum Tables {
    static var registers: UnsafeBufferPointer<cformat_register> {
        UnsafeBufferPointer(start: cformat_registers_table(), count: Int(cformat_registers_count))
    }

    static var names: UnsafeBufferPointer<cformat_register_name> {
        UnsafeBufferPointer(start: cformat_names_table(), count: Int(cformat_names_count))
    }

    static var aliases: UnsafeBufferPointer<cformat_alias> {
        UnsafeBufferPointer(start: cformat_aliases_table(), count: Int(cformat_aliases_count))
    }

    static var variants: UnsafeBufferPointer<cformat_variant> {
        UnsafeBufferPointer(start: cformat_variants_table(), count: Int(cformat_variants_count))
    }

    static var fields: UnsafeBufferPointer<cformat_field> {
        UnsafeBufferPointer(start: cformat_fields_table(), count: Int(cformat_fields_count))
    }

    static var values: UnsafeBufferPointer<cformat_field_value> {
        UnsafeBufferPointer(start: cformat_values_table(), count: Int(cformat_values_count))
    }

    static var behaviors: UnsafeBufferPointer<cformat_behavior> {
        UnsafeBufferPointer(start: cformat_behaviors_table(), count: Int(cformat_behaviors_count))
    }

    static var conditions: UnsafeBufferPointer<cformat_condition> {
        UnsafeBufferPointer(start: cformat_conditions_table(), count: Int(cformat_conditions_count))
    }

    static var idFields: UnsafeBufferPointer<cformat_id_field> {
        UnsafeBufferPointer(start: cformat_id_fields_table(), count: Int(cformat_id_fields_count))
    }

    static var specials: UnsafeBufferPointer<cformat_special> {
        UnsafeBufferPointer(start: cformat_specials_table(), count: Int(cformat_specials_count))
    }

    static var cpus: UnsafeBufferPointer<cformat_cpu> {
        UnsafeBufferPointer(start: cformat_cpus_table(), count: Int(cformat_cpus_count))
    }

    static var capabilities: UnsafeBufferPointer<cformat_capability> {
        UnsafeBufferPointer(
            start: cformat_capabilities_table(), count: Int(cformat_capabilities_count))
    }

    static var features: UnsafeBufferPointer<cformat_feature> {
        UnsafeBufferPointer(start: cformat_features_table(), count: Int(cformat_features_count))
    }

    static var targets: UnsafeBufferPointer<cformat_target> {
        UnsafeBufferPointer(start: cformat_targets_table(), count: Int(cformat_targets_count))
    }

    static var psciVersions: UnsafeBufferPointer<cformat_psci_version> {
        UnsafeBufferPointer(
            start: cformat_psci_versions_table(), count: Int(cformat_psci_versions_count))
    }

    static var controls: UnsafeBufferPointer<cformat_control> {
        UnsafeBufferPointer(start: cformat_controls_table(), count: Int(cformat_controls_count))
    }

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

    /// The first row of a sorted table that is not before what is searched.
    static func lowerBound<Row>(
        in rows: UnsafeBufferPointer<Row>, isBefore: (Row) -> Bool
    ) -> Int {
        var low = 0
        var high = rows.count
        while low < high {
            let middle = (low + high) / 2
            if isBefore(rows[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
