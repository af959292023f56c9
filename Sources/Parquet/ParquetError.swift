/// Why a Parquet file could not be read or written.
public enum ParquetError: Error, Sendable, Equatable {
    /// The bytes are no Parquet file at all: too short, or without its magic at either end.
    case notParquet(file: String, reason: String)
    /// The footer or the columns are encrypted.
    case encrypted(file: String)
    /// A structure contradicts itself or runs past its end. `place` names the part (`footer`, `row group 0, column a.b`), `offset` its byte in the file.
    case damaged(file: String, place: String, offset: Int64?, reason: String)
    /// A codec, encoding or type that this reader does not handle.
    case unsupported(file: String, place: String, feature: String)
    /// Something that would take more memory than ``ReadLimits`` allow.
    case tooLarge(file: String, place: String, bytes: Int64, limit: Int64)
    /// A column was asked for that the file does not have.
    case noSuchColumn(file: String, column: String)
    /// A batch does not fit the schema of the file that is being written, or cannot be represented.
    case cannotWrite(column: String, reason: String)
}

extension ParquetError: CustomStringConvertible {
    public var description: String {
        switch self {
        case let .notParquet(file, reason):
            return "\(file): not a Parquet file: \(reason)"
        case let .encrypted(file):
            return "\(file): the file is encrypted, which is not supported; write it without encryption"
        case let .damaged(file, place, offset, reason):
            let position = offset.map { " at byte \($0)" } ?? ""
            return "\(file): \(place)\(position): \(reason); the file is damaged, restore it or remove it from its table"
        case let .unsupported(file, place, feature):
            return "\(file): \(place): \(feature) is not supported; rewrite the file without it"
        case let .tooLarge(file, place, bytes, limit):
            return "\(file): \(place): would take \(bytes) bytes of memory, the limit is \(limit); raise the limit or read fewer rows at a time"
        case let .noSuchColumn(file, column):
            return "\(file): there is no column \(column)"
        case let .cannotWrite(column, reason):
            return "column \(column): \(reason)"
        }
    }
}

/// How much memory a reader may take on the word of a file.
public struct ReadLimits: Sendable, Hashable {
    /// The most bytes of one page, compressed or not.
    public var pageBytes: Int
    /// The most bytes of one leaf's values in one call. A call ends with fewer rows well before, so that only a few huge values can meet it.
    public var batchBytes: Int
    /// The most bytes of a footer.
    public var footerBytes: Int

    public init(pageBytes: Int = 256 << 20, batchBytes: Int = 256 << 20, footerBytes: Int = 256 << 20) {
        self.pageBytes = pageBytes
        self.batchBytes = batchBytes
        self.footerBytes = footerBytes
    }
}

/// How a file is read, as its opener asked.
struct ReadOptions: Sendable, Hashable {
    var limits = ReadLimits()
    var verifiesChecksums = false
}

/// What went wrong inside a decoder, before the door adds file and place. Positions are relative to the decoder's input.
struct Damage: Error {
    enum Kind {
        case damaged
        case unsupported
        case encrypted
        case tooLarge(bytes: Int64, limit: Int64)
    }

    let kind: Kind
    let reason: String
    let offset: Int?

    init(_ reason: String, at offset: Int? = nil) {
        kind = .damaged
        self.reason = reason
        self.offset = offset
    }

    private init(kind: Kind, reason: String) {
        self.kind = kind
        self.reason = reason
        offset = nil
    }

    static func unsupported(_ feature: String) -> Damage { Damage(kind: .unsupported, reason: feature) }

    static let encrypted = Damage(kind: .encrypted, reason: "encrypted")

    static func tooLarge(_ bytes: Int, limit: Int) -> Damage { Damage(kind: .tooLarge(bytes: Int64(bytes), limit: Int64(limit)), reason: "") }

    /// The public error, with the file, the place in it and where the decoder's input began.
    func error(file: String, place: String, base: Int64? = nil) -> ParquetError {
        switch kind {
        case .damaged: .damaged(file: file, place: place, offset: base.map { $0 + Int64(offset ?? 0) }, reason: reason)
        case .unsupported: .unsupported(file: file, place: place, feature: reason)
        case .encrypted: .encrypted(file: file)
        case let .tooLarge(bytes, limit): .tooLarge(file: file, place: place, bytes: bytes, limit: limit)
        }
    }
}
