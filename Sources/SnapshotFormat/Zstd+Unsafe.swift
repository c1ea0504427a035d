internal import CZstd
internal import VCPUModel

/// What libzstd said about a failed call (`ZSTD_getErrorName`).
struct ZstdError: Error {
    let message: String

    /// The value of a call of libzstd, or its error.
    static func check(_ result: Int) throws(ZstdError) -> Int {
        guard ZSTD_isError(result) == 0 else {
            throw ZstdError(message: String(cString: ZSTD_getErrorName(result)))
        }
        return result
    }
}

/// A `ZSTD_CCtx`: makes single frames with their content size declared, without checksum and
/// dictionary id (the snapshot file has both).
struct ZstdCompressor: ~Copyable {
    private let context: OpaquePointer

    /// - Parameters:
    ///   - level: libzstd's compression level; out of its range it is the nearest level.
    ///   - dictionary: empty for none.
    static func make(level: Int, dictionary: [UInt8]) throws(ZstdError) -> ZstdCompressor {
        guard let context = ZSTD_createCCtx() else { throw .outOfMemory }
        let compressor = ZstdCompressor(context: context)
        let level = Int32(clamping: min(max(level, 1), Int(ZSTD_maxCLevel())))
        _ = try ZstdError.check(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level))
        _ = try ZstdError.check(ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 1))
        _ = try ZstdError.check(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 0))
        _ = try ZstdError.check(ZSTD_CCtx_setParameter(context, ZSTD_c_dictIDFlag, 0))
        // SAFETY: the pointer is used only during the call, which copies the dictionary.
        _ = try ZstdError.check(
            dictionary.withUnsafeBytes {
                ZSTD_CCtx_loadDictionary(context, $0.baseAddress, $0.count)
            })
        return compressor
    }

    deinit {
        ZSTD_freeCCtx(context)
    }

    borrowing func compress(_ bytes: [UInt8]) throws(ZstdError) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: ZSTD_compressBound(bytes.count))
        // SAFETY: both buffers live through the call and are passed with their own sizes.
        let result = output.withUnsafeMutableBytes { target in
            bytes.withUnsafeBytes { source in
                ZSTD_compress2(
                    context, target.baseAddress, target.count, source.baseAddress, source.count)
            }
        }
        output.removeLast(output.count - (try ZstdError.check(result)))
        return output
    }
}

/// A `ZSTD_DCtx`: reads single frames whose content size is known beforehand.
///
/// Frames are decompressed in one step into their content, which serves as the window: a frame
/// cannot make the decoder allocate more than that.
struct ZstdDecompressor: ~Copyable {
    private let context: OpaquePointer

    /// - Parameter dictionary: empty for none.
    static func make(dictionary: [UInt8]) throws(ZstdError) -> ZstdDecompressor {
        guard let context = ZSTD_createDCtx() else { throw .outOfMemory }
        let decompressor = ZstdDecompressor(context: context)
        // SAFETY: the pointer is used only during the call, which copies the dictionary.
        _ = try ZstdError.check(
            dictionary.withUnsafeBytes {
                ZSTD_DCtx_loadDictionary(context, $0.baseAddress, $0.count)
            })
        return decompressor
    }

    deinit {
        ZSTD_freeDCtx(context)
    }

    /// - Parameter size: the content size; `bytes` must be exactly one frame that declares it.
    borrowing func decompress(_ bytes: [UInt8], size: Int) throws(ZstdError) -> [UInt8] {
        try Self.checkFrame(bytes, size: size)
        var output = [UInt8](repeating: 0, count: size)
        // SAFETY: both buffers live through the call and are passed with their own sizes.
        let result = output.withUnsafeMutableBytes { target in
            bytes.withUnsafeBytes { source in
                ZSTD_decompressDCtx(
                    context, target.baseAddress, target.count, source.baseAddress, source.count)
            }
        }
        let written = try ZstdError.check(result)
        guard written == size else {
            throw ZstdError(message: "the frame holds \(written) bytes, \(size) were declared")
        }
        return output
    }

    /// Refuses, before anything is allocated, what is not one ordinary frame of that content size.
    private static func checkFrame(_ bytes: [UInt8], size: Int) throws(ZstdError) {
        guard bytes.starts(with: FileMagic.zstd) else {
            throw ZstdError(message: "it does not start with a zstd frame")
        }
        try checkWindow(of: bytes, size: size)
        // SAFETY: the buffer lives through both calls and is passed with its own size.
        let (length, declared) = bytes.withUnsafeBytes {
            (
                ZSTD_findFrameCompressedSize($0.baseAddress, $0.count),
                ZSTD_getFrameContentSize($0.baseAddress, $0.count)
            )
        }
        guard try ZstdError.check(length) == bytes.count else {
            throw ZstdError(message: "the frame ends after \(length) of \(bytes.count) bytes")
        }
        // The values for "unknown" and "error" are above any size.
        guard declared == UInt64(size) else {
            throw ZstdError(message: "the frame declares another size than the chunk, \(size)")
        }
        try checkBlocks(of: bytes, size: size)
    }
}

extension ZstdError {
    fileprivate static let outOfMemory = ZstdError(message: "no memory for a context")
}
