/// What writes itself as one JSON value.
protocol JSONWritable {
    func write(to json: JSONWriter) throws
}

/// An object by its members, in whatever order they are told: they are written by ascending key, and those without
/// a value not at all.
struct JSONObject: JSONWritable, ExpressibleByDictionaryLiteral {
    private var members: [(key: String, value: any JSONWritable)]

    init(dictionaryLiteral members: (String, (any JSONWritable)?)...) {
        self.init(members)
    }

    init(_ members: some Sequence<(String, (any JSONWritable)?)>) {
        self.members = members.compactMap { key, value in value.map { (key, $0) } }
    }

    static func + (left: JSONObject, right: JSONObject) -> JSONObject {
        var object = left
        object.members += right.members
        return object
    }

    func write(to json: JSONWriter) throws {
        try json.object(members.sorted { $0.key < $1.key })
    }
}

/// What is an object wherever it stands.
protocol JSONConvertible: JSONWritable {
    var json: JSONObject { get }
}

extension JSONConvertible {
    func write(to json: JSONWriter) throws { try self.json.write(to: json) }
}

/// An array whose elements are made one after another when it is written, because all of them may be much.
struct JSONList: JSONWritable {
    private let writeElements: (JSONWriter) throws -> Void

    init<Element>(
        _ elements: some Sequence<Element>, _ object: @escaping (Element) throws -> JSONObject
    ) {
        writeElements = { try $0.array(elements, object) }
    }

    func write(to json: JSONWriter) throws { try writeElements(json) }
}

extension Sequence {
    /// An array of an object for each.
    func json(_ object: @escaping (Element) throws -> JSONObject) -> JSONList {
        JSONList(self, object)
    }

    /// The same of what has values of registers.
    func json(_ values: ValueText) -> JSONList where Element: ValueHolder {
        JSONList(self) { $0.json(values) }
    }
}

/// What is an object wherever it stands, but for values of registers that may have to be hidden.
protocol ValueHolder {
    func json(_ values: ValueText) -> JSONObject
}

extension String: JSONWritable {
    func write(to json: JSONWriter) { json.string(self) }
}

extension Bool: JSONWritable {
    func write(to json: JSONWriter) { json.literal(self ? "true" : "false") }
}

extension JSONWritable where Self: BinaryInteger {
    func write(to json: JSONWriter) { json.literal(String(self)) }
}

extension Int: JSONWritable {}
extension Int32: JSONWritable {}
extension UInt16: JSONWritable {}
extension UInt32: JSONWritable {}
extension UInt64: JSONWritable {}

extension Array: JSONWritable where Element: JSONWritable {
    func write(to json: JSONWriter) throws { try json.array(self) { $0 } }
}
