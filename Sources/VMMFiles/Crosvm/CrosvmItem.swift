internal import TextFormats
internal import VCPUModel

/// A value of a file of crosvm, which is CBOR (RFC 8949) or, in older files, JSON.
indirect enum CrosvmItem {
    case number(UInt64)
    /// Wider than 64 bits, least significant byte first.
    case wide([UInt8])
    case text(String)
    /// An array of numbers of at most 64 bits.
    case numbers([UInt64])
    case array([CrosvmItem])
    /// In the file's order.
    case map([(key: CrosvmItem, value: CrosvmItem)])
    /// What no register is in.
    case other

    /// The member with this name; nil for anything but a map, and where there is none.
    subscript(name: String) -> CrosvmItem? {
        guard case .map(let members) = self else { return nil }
        for (key, value) in members {
            if case .text(let text) = key, text.utf8.elementsEqual(name.utf8) { return value }
        }
        return nil
    }

    var number: UInt64? {
        guard case .number(let number) = self else { return nil }
        return number
    }

    var text: String? {
        guard case .text(let text) = self else { return nil }
        return text
    }

    /// Nil for anything but an array of numbers that all have at most 64 bits.
    var numbers: [UInt64]? {
        switch self {
        case .numbers(let numbers): numbers
        case .array(let items) where items.isEmpty: []
        default: nil
        }
    }

    /// The elements of an array.
    var elements: [CrosvmItem]? {
        switch self {
        case .numbers(let numbers): numbers.map { .number($0) }
        case .array(let items): items
        default: nil
        }
    }

    /// The members of a map whose keys are numbers, which JSON writes as text; nil for anything else.
    var numbered: [(key: UInt64, value: CrosvmItem)]? {
        guard case .map(let members) = self else { return nil }
        var result: [(key: UInt64, value: CrosvmItem)] = []
        for (key, value) in members {
            guard let number = key.number ?? key.text.flatMap({ NumberText.decimal($0) }) else {
                return nil
            }
            result.append((number, value))
        }
        return result
    }
}

// MARK: - JSON

extension CrosvmItem {
    /// Of a value of JSON.
    init(_ value: JSONValue) {
        switch value.content {
        case .null, .bool: self = .other
        case .string(let text): self = .text(text)
        case .array(let elements): self = CrosvmItem(elements.map { CrosvmItem($0) })
        case .object(let members):
            self = .map(members.map { (.text($0.name), CrosvmItem($0.value)) })
        case .number:
            if let number = value.unsigned {
                self = .number(number)
            } else {
                self = value.registerValue(size: 16).map { .wide($0.littleEndianBytes) } ?? .other
            }
        }
    }

    fileprivate init(_ items: [CrosvmItem]) {
        let numbers = items.compactMap(\.number)
        self = numbers.count == items.count ? .numbers(numbers) : .array(items)
    }
}
