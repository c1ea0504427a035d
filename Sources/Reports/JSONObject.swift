package import Transfer

/// A type that writes itself as one JSON value.
package protocol JSONWritable {
    /// - Throws: what making the value throws, which is made as it is written.
    func write(to json: JSONWriter) throws
}

/// A JSON object.
///
/// Its members can be given in any order: they are written in ascending order of their keys, and those without a value
/// are left out.
package struct JSONObject: JSONWritable, ExpressibleByDictionaryLiteral {
    package struct Member {
        let key: String
        let value: any JSONWritable
    }

    private var members: [Member] = []

    package init(dictionaryLiteral members: (String, (any JSONWritable)?)...) {
        for (key, value) in members { add(key, value) }
    }

    /// What every report begins with: the version of Formats/json-output.md.
    package static var ofThisVersion: JSONObject { ["jsonVersion": 1] }

    /// How often each of some words occurred, or another number for each of them.
    package init(_ counts: [String: some JSONWritable]) {
        for (word, count) in counts { add(word, count) }
    }

    package mutating func add(_ key: String, _ value: (any JSONWritable)?) {
        if let value { members.append(Member(key: key, value: value)) }
    }

    package static func + (left: JSONObject, right: JSONObject) -> JSONObject {
        var object = left
        object.members += right.members
        return object
    }

    /// - Throws: what making a member throws.
    package func write(to json: JSONWriter) throws {
        try json.object(members.sorted { $0.key < $1.key })
    }
}

/// A type that has the same JSON form in every report.
package protocol JSONConvertible: JSONWritable {
    var json: JSONObject { get }
}

extension JSONConvertible {
    /// - Throws: what making a member throws.
    package func write(to json: JSONWriter) throws { try self.json.write(to: json) }
}

/// A JSON array whose elements are made one at a time as it is written: all of them together can be large.
package struct JSONList: JSONWritable {
    private let writeElements: (JSONWriter) throws -> Void

    package init<Element>(
        _ elements: some Sequence<Element>, _ object: @escaping (Element) throws -> JSONObject
    ) {
        writeElements = { try $0.array(elements, object) }
    }

    /// - Throws: what making an element throws.
    package func write(to json: JSONWriter) throws { try writeElements(json) }
}

extension Sequence {
    /// An array with an object for each element.
    package func json(_ object: @escaping (Element) throws -> JSONObject) -> JSONList {
        JSONList(self, object)
    }

    /// The same for elements that hold register values.
    package func json(_ values: ValueText) -> JSONList where Element: ValueHolder {
        JSONList(self) { $0.json(values) }
    }
}

/// A type that has the same JSON form in every report, except that register values in it may have to be hidden.
package protocol ValueHolder {
    func json(_ values: ValueText) -> JSONObject
}

extension String: JSONWritable {
    package func write(to json: JSONWriter) { json.string(self) }
}

extension Bool: JSONWritable {
    package func write(to json: JSONWriter) { json.literal(self ? "true" : "false") }
}

extension JSONWritable where Self: BinaryInteger {
    package func write(to json: JSONWriter) { json.literal(String(self)) }
}

extension Int: JSONWritable {}
extension Int32: JSONWritable {}
extension UInt16: JSONWritable {}
extension UInt32: JSONWritable {}
extension UInt64: JSONWritable {}

extension Array: JSONWritable where Element: JSONWritable {
    /// - Throws: what writing an element throws.
    package func write(to json: JSONWriter) throws { try json.array(self) { $0 } }
}
