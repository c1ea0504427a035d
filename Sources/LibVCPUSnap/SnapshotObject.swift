public import CVCPUSnap
internal import LinuxSystem
internal import Machines
internal import Registers
internal import SnapshotFormat
internal import VCPUModel

/// A `vcpusnap_snapshot`.
final class SnapshotObject {
    private(set) var value: Snapshot
    /// What the caller was given and may look at until it is changed.
    private var encoded: CBytes?
    private var encodedSize = 0
    private var texts: [Provenance.Key: CText] = [:]

    init(_ value: Snapshot) { self.value = value }

    func encode() throws(Failure) -> (start: UnsafeRawPointer, size: Int) {
        if let encoded { return (encoded.start, encodedSize) }
        let bytes = try Failure.passing { try SnapshotWriter.encode(value) }
        let kept = CBytes(bytes)
        (encoded, encodedSize) = (kept, bytes.count)
        return (kept.start, bytes.count)
    }

    /// The registers of a unit; nil for one that it does not have.
    func registers(of unit: Int64) -> RegisterList? {
        guard unit != UnitID.numberOfVM else { return value.vm }
        return place(of: unit).map { value.vcpus[$0].registers }
    }

    private func place(of unit: Int64) -> Int? {
        value.vcpus.firstIndex { Int64($0.index) == unit }
    }

    func set(_ new: RegisterValue, for id: RegisterID, of unit: Int64) throws(Failure) {
        if unit == UnitID.numberOfVM {
            value.vm.set(new, for: id)
        } else {
            value.vcpus[try vcpu(unit)].registers.set(new, for: id)
        }
        encoded = nil
    }

    private func vcpu(_ unit: Int64) throws(Failure) -> Int {
        guard let place = place(of: unit) else { throw Self.lacks(unit) }
        return place
    }

    static func lacks(_ unit: Int64) -> Failure {
        .notFound("the snapshot has no vCPU \(unit)")
    }

    func provenance(_ key: Provenance.Key) -> UnsafePointer<CChar>? {
        guard let text = value.provenance[key] else { return nil }
        let kept = texts[key] ?? CText(text)
        texts[key] = kept
        return kept.start
    }

    func setProvenance(_ key: Provenance.Key, to text: String?) {
        value.provenance[key] = text
        texts[key] = nil
        encoded = nil
    }
}

// MARK: - Functions

/// Writes a snapshot to a file.
@_cdecl("vcpusnap_snapshot_write_file")
public func writeFile(
    _ snapshot: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ error: ErrorPlace?
) -> vcpusnap_status {
    answering(error) { () throws(Failure) in
        let (snapshot, path) = (try object(snapshot, SnapshotObject.self), try path(name))
        try Failure.passing { try SnapshotFile.write(snapshot.value, to: .file(path)) }
    }
}

/// Writes a snapshot to a descriptor.
@_cdecl("vcpusnap_snapshot_write_fd")
public func writeDescriptor(
    _ snapshot: OpaquePointer?, _ descriptor: Int32, _ error: ErrorPlace?
) -> vcpusnap_status {
    answering(error) { () throws(Failure) in
        let bytes = try object(snapshot, SnapshotObject.self).encode()
        var written = 0
        while written < bytes.size {
            let rest = (bytes.start + written, bytes.size - written)
            let result = cvcpusnap_write(descriptor, rest.0, rest.1)
            // Nothing written and no error would be repeated forever.
            written += try Failure.passing {
                guard try Errno.check(result) > 0 else { throw Errno.io }
                return Int(result)
            }
        }
    }
}

/// Gives the bytes of a snapshot's file.
@_cdecl("vcpusnap_snapshot_encode")
public func encode(
    _ snapshot: OpaquePointer?, _ bytes: UnsafeMutablePointer<UnsafeRawPointer?>?,
    _ size: UnsafeMutablePointer<Int>?, _ error: ErrorPlace?
) -> vcpusnap_status {
    answering(error) { () throws(Failure) in
        let snapshot = try object(snapshot, SnapshotObject.self)
        let places = (try needed(bytes, "bytes"), try needed(size, "size"))
        (places.0.pointee, places.1.pointee) = try snapshot.encode()
    }
}

/// Reads a snapshot from a file.
@_cdecl("vcpusnap_snapshot_read_file")
public func readFile(
    _ name: UnsafePointer<CChar>?, _ snapshot: ObjectPlace?, _ error: ErrorPlace?
) -> vcpusnap_status {
    making(snapshot, error) { () throws(Failure) in
        let path = try path(name)
        return SnapshotObject(
            try Failure.passing { try Location.file(path).capture(SourceOptions()).snapshot })
    }
}

/// Reads a snapshot from a descriptor.
@_cdecl("vcpusnap_snapshot_read_fd")
public func readDescriptor(
    _ descriptor: Int32, _ snapshot: ObjectPlace?, _ error: ErrorPlace?
) -> vcpusnap_status {
    making(snapshot, error) { () throws(Failure) in
        SnapshotObject(
            try Failure.passing {
                var reader = SnapshotReader { count throws(Errno) in
                    try FileDescriptor(borrowing: descriptor).read(upTo: count)
                }
                return try reader.decode()
            })
    }
}

/// Reads a snapshot from memory.
@_cdecl("vcpusnap_snapshot_decode")
public func decode(
    _ start: UnsafeRawPointer?, _ size: Int, _ snapshot: ObjectPlace?, _ error: ErrorPlace?
) -> vcpusnap_status {
    making(snapshot, error) { () throws(Failure) in
        let given = try bytes(start, size, limit: SnapshotLimits.fileSize)
        return SnapshotObject(try Failure.passing { try SnapshotReader.decode(given) })
    }
}

/// Takes a snapshot back.
@_cdecl("vcpusnap_snapshot_destroy")
public func destroySnapshot(_ snapshot: OpaquePointer?) { destroy(snapshot, SnapshotObject.self) }

// MARK: - Its registers

/// How many vCPUs a snapshot has.
@_cdecl("vcpusnap_snapshot_vcpu_count")
public func vcpuCount(_ snapshot: OpaquePointer?) -> Int {
    optional(snapshot, SnapshotObject.self)?.value.vcpus.count ?? 0
}

/// The number of one of them.
@_cdecl("vcpusnap_snapshot_vcpu_index")
public func vcpuIndex(_ snapshot: OpaquePointer?, _ position: Int) -> Int64 {
    guard let vcpus = optional(snapshot, SnapshotObject.self)?.value.vcpus,
        vcpus.indices.contains(position)
    else { return -1 }
    return Int64(vcpus[position].index)
}

/// How many registers a unit has.
@_cdecl("vcpusnap_snapshot_register_count")
public func registerCount(_ snapshot: OpaquePointer?, _ unit: Int64) -> Int {
    optional(snapshot, SnapshotObject.self)?.registers(of: unit)?.count ?? 0
}

/// The id of one of them.
@_cdecl("vcpusnap_snapshot_register_id")
public func registerID(_ snapshot: OpaquePointer?, _ unit: Int64, _ position: Int) -> UInt64 {
    guard let ids = optional(snapshot, SnapshotObject.self)?.registers(of: unit)?.ids,
        ids.indices.contains(position)
    else { return 0 }
    return ids[position].rawValue
}

/// Reads a register of a snapshot.
@_cdecl("vcpusnap_snapshot_get")
public func getRegister(
    _ snapshot: OpaquePointer?, _ unit: Int64, _ id: UInt64, _ value: UnsafeMutableRawPointer?,
    _ size: Int, _ length: UnsafeMutablePointer<Int>?, _ error: ErrorPlace?
) -> vcpusnap_status {
    answering(error) { () throws(Failure) in
        let snapshot = try object(snapshot, SnapshotObject.self)
        let id = RegisterID(rawValue: id)
        guard let registers = snapshot.registers(of: unit) else { throw SnapshotObject.lacks(unit) }
        guard let held = registers[id] else {
            throw .notFound("the snapshot has no \(id.label) of that unit")
        }
        length?.pointee = held.size
        guard let value, size >= held.size else {
            throw .argument("\(id.label) has \(held.size) bytes, and there is no room for them")
        }
        UnsafeMutableRawBufferPointer(start: value, count: held.size)
            .copyBytes(from: held.littleEndianBytes)
    }
}

/// Replaces a register of a snapshot, or adds it.
@_cdecl("vcpusnap_snapshot_set")
public func setRegister(
    _ snapshot: OpaquePointer?, _ unit: Int64, _ id: UInt64, _ value: UnsafeRawPointer?,
    _ size: Int, _ error: ErrorPlace?
) -> vcpusnap_status {
    answering(error) { () throws(Failure) in
        let snapshot = try object(snapshot, SnapshotObject.self)
        let id = RegisterID(rawValue: id)
        let given = try bytes(value, size, limit: RegisterID.maximumSize)
        guard let value = RegisterValue(littleEndian: given), value.size == id.size else {
            throw .argument("\(id.label) has \(id.size ?? 0) bytes, and \(size) were given")
        }
        try snapshot.set(value, for: id, of: unit)
    }
}

/// What a snapshot says of where it comes from.
@_cdecl("vcpusnap_snapshot_get_provenance")
public func getProvenance(
    _ snapshot: OpaquePointer?, _ key: UnsafePointer<CChar>?
) -> UnsafePointer<CChar>? {
    guard let snapshot = optional(snapshot, SnapshotObject.self), let key else { return nil }
    return snapshot.provenance(Provenance.Key(rawValue: String(cString: key)))
}

/// Says something of it.
@_cdecl("vcpusnap_snapshot_set_provenance")
public func setProvenance(
    _ snapshot: OpaquePointer?, _ key: UnsafePointer<CChar>?, _ value: UnsafePointer<CChar>?,
    _ error: ErrorPlace?
) -> vcpusnap_status {
    answering(error) { () throws(Failure) in
        let snapshot = try object(snapshot, SnapshotObject.self)
        let key = try text(key, "the key")
        let value = value.map { String(cString: $0) }
        if let defect = Provenance.defect(of: key, isKey: true) {
            throw .argument("the key \(defect)")
        }
        if let defect = value.flatMap({ Provenance.defect(of: $0, isKey: false) }) {
            throw .argument("the value \(defect)")
        }
        snapshot.setProvenance(Provenance.Key(rawValue: key), to: value)
    }
}
