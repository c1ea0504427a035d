public import CVCPUSnap
internal import LinuxSystem

// Each public function of this module is the C function that its attribute names; CVCPUSnap/include/vcpusnap.h says
// what they do. What comes from outside is checked here, and nothing that is thrown leaves.

/// Where a caller wants to be told why a function failed; nil for one that does not.
public typealias ErrorPlace = UnsafeMutablePointer<vcpusnap_error>

/// Where a caller gets a new object.
public typealias ObjectPlace = UnsafeMutablePointer<OpaquePointer?>

/// Does what a C function is for, with errno as it was.
func keepingErrno<Result>(_ body: () -> Result) -> Result {
    let before = cvcpusnap_errno()
    defer { cvcpusnap_set_errno(before) }
    return body()
}

/// Does what a C function is for, and tells its caller why it could not.
func answering(
    _ place: ErrorPlace?, _ body: () throws(Failure) -> Void
) -> vcpusnap_status {
    keepingErrno {
        do throws(Failure) {
            try body()
            return VCPUSNAP_OK
        } catch {
            place?.pointee = vcpusnap_error(error)
            return error.status
        }
    }
}

/// Makes an object that belongs to the caller.
func making(
    _ place: ObjectPlace?, _ error: ErrorPlace?, _ body: () throws(Failure) -> some AnyObject
) -> vcpusnap_status {
    answering(error) { () throws(Failure) in
        let place = try needed(place, "the place of the new object")
        place.pointee = OpaquePointer(Unmanaged.passRetained(try body()).toOpaque())
    }
}

/// Gives a caller the next of some elements.
/// - Returns: 1, or 0 where there is none or no place for it.
func giving<Element>(
    _ place: UnsafeMutablePointer<Element>?, _ next: () -> Element?
) -> Int32 {
    keepingErrno {
        guard let place, let element = next() else { return 0 }
        place.pointee = element
        return 1
    }
}

/// Takes an object back from its owner.
func destroy<Object: AnyObject>(_ object: OpaquePointer?, _ type: Object.Type) {
    guard let object else { return }
    keepingErrno { Unmanaged<Object>.fromOpaque(UnsafeRawPointer(object)).release() }
}

/// An object that a caller names.
/// - Throws: where it names none.
func object<Object: AnyObject>(
    _ pointer: OpaquePointer?, _ type: Object.Type = Object.self
) throws(Failure) -> Object {
    try needed(optional(pointer, type), "an object")
}

/// The same where there may be none.
func optional<Object: AnyObject>(
    _ pointer: OpaquePointer?, _ type: Object.Type = Object.self
) -> Object? {
    pointer.map { Unmanaged<Object>.fromOpaque(UnsafeRawPointer($0)).takeUnretainedValue() }
}

/// What must be there.
/// - Throws: that it is not, by its name.
func needed<Value>(_ value: Value?, _ name: String) throws(Failure) -> Value {
    guard let value else { throw .argument("\(name) is missing: it is NULL") }
    return value
}

/// The options that a caller gives, of the only size that there is.
/// - Throws: for another size.
func options<Options>(_ place: UnsafePointer<Options>?) throws(Failure) -> Options {
    let place = try needed(place, "the options")
    // SAFETY: the first member is the size, which says how much more there is.
    let given = UnsafeRawPointer(place).load(as: Int.self)
    guard given == MemoryLayout<Options>.stride else {
        throw .argument(
            "the options say that they have \(given) bytes, and \(MemoryLayout<Options>.stride) are known here: "
                + "initialize them by their macro")
    }
    return place.pointee
}

/// A C array that a caller gives.
/// - Throws: for one that has elements and no address, and for more elements than a VM can have.
func array<Element>(
    _ start: UnsafePointer<Element>?, _ count: Int, limit: Int, _ name: String
) throws(Failure) -> UnsafeBufferPointer<Element> {
    guard 0...limit ~= count else {
        throw .argument(
            "\(name): the count is \(UInt(bitPattern: count)), and \(limit) is the most")
    }
    guard count > 0 else { return UnsafeBufferPointer(start: nil, count: 0) }
    return UnsafeBufferPointer(start: try needed(start, name), count: count)
}

/// Bytes that a caller gives.
/// - Throws: for some without an address.
func bytes(_ start: UnsafeRawPointer?, _ size: Int, limit: Int) throws(Failure) -> [UInt8] {
    guard 0...limit ~= size else {
        throw .argument("the size is \(UInt(bitPattern: size)) bytes, and \(limit) is the most")
    }
    guard size > 0 else { return [] }
    return [UInt8](UnsafeRawBufferPointer(start: try needed(start, "the bytes"), count: size))
}

/// A string that a caller gives.
/// - Throws: for none.
func text(_ string: UnsafePointer<CChar>?, _ name: String) throws(Failure) -> String {
    String(cString: try needed(string, name))
}

/// A file's name, of any bytes.
/// - Throws: for none.
func path(_ string: UnsafePointer<CChar>?) throws(Failure) -> String {
    FileName.string(at: try needed(string, "the path"))
}
