/// Why a source could not be found, read or written: a sentence that names it and the next step.
public struct SourceError: Error, CustomStringConvertible {
    /// The whole message, as the command line prints it.
    public let description: String
    /// The error of the layer below, where that is all there is to say.
    public let cause: (any Error)?

    /// A message of this layer, with no cause.
    public init(_ description: String) {
        self.description = description
        cause = nil
    }

    /// Passes on an error of a layer below, in that error's own words.
    public init(_ cause: any Error) {
        description = String(describing: cause)
        self.cause = cause
    }

    /// Calls something of a layer below, whose errors say everything.
    static func passing<Result>(
        _ body: () throws -> Result
    ) throws(SourceError) -> Result {
        do {
            return try body()
        } catch let error as SourceError {
            throw error
        } catch {
            throw SourceError(error)
        }
    }

    /// The same of something whose errors do not name the file.
    static func naming<Value, Failure: Error>(
        _ name: String, _ body: () throws(Failure) -> Value
    ) throws(SourceError) -> Value {
        try Result(catching: body).mapError { SourceError("\(name): \($0)") }.get()
    }
}
