import Base
import ObjectStore

/// What a listing of `_delta_log` has, by version.
struct LogListing: Sendable {
    /// In ascending order of versions.
    private(set) var commits: [LogFile] = []
    private(set) var checkpoints: [CheckpointFiles] = []
    /// In ascending order of their first versions.
    private(set) var compactions: [LogFile] = []
    private(set) var checksums: [LogFile] = []

    var isEmpty: Bool { commits.isEmpty && checkpoints.isEmpty }

    /// Lists the log from `version` on; earlier files are not looked at.
    static func load(_ store: any ObjectStore, from version: Int64) async throws -> LogListing {
        var listing = LogListing()
        var parts: [Int64: [Int: [Int: LogFile]]] = [:]
        let pages = store.list(prefix: LogFileName.directory, startAfter: version > 0 ? LogFileName.listingStart(version) : nil)
        scan: while let page = try await pages.next() {
            for object in page {
                // Digits come before `_` and letters: behind the versions only directories and other people's files follow.
                let name = object.path.string.utf8.dropFirst(LogFileName.directory.utf8.count)
                if let first = name.first, first > UInt8(ascii: "9") { break scan }
                guard let file = LogFile(object) else { continue }
                switch file.name {
                case .commit: listing.commits.append(file)
                // An empty file is what a writer without atomic puts leaves when it dies.
                case .classicCheckpoint where file.sizeInBytes > 0: listing.checkpoints.append(CheckpointFiles(version: file.version, files: [file]))
                case let .checkpointPart(version, part, total) where file.sizeInBytes > 0: parts[version, default: [:]][total, default: [:]][part] = file
                case .uuidCheckpoint where file.sizeInBytes > 0: listing.checkpoints.append(CheckpointFiles(version: file.version, files: [file]))
                case .compactedCommits where file.sizeInBytes > 0: listing.compactions.append(file)
                case .checksum: listing.checksums.append(file)
                case .classicCheckpoint, .checkpointPart, .uuidCheckpoint, .compactedCommits: continue
                }
            }
        }
        // Multi-part checkpoints count only when every part is there (protocol, "Checkpoints").
        for (version, byTotal) in parts {
            for (total, files) in byTotal where files.count == total {
                listing.checkpoints.append(CheckpointFiles(version: version, files: files.sorted { $0.key < $1.key }.map(\.value)))
            }
        }
        listing.checkpoints.sort { ($0.version, -$0.files.count) < ($1.version, -$1.files.count) }
        return listing
    }

    /// The newest version the listing can stand for; nil for an empty log.
    var latestVersion: Int64? { [commits.last?.version, checkpoints.last?.version].compactMap { $0 }.max() }
}

/// The files of one complete checkpoint: one, or all parts in order.
public struct CheckpointFiles: Sendable, Hashable {
    public let version: Int64
    public let files: [LogFile]

    /// Tells checkpoints of one version apart.
    var name: String { files.first?.path.string ?? "" }

    public var sizeInBytes: Int64 { files.reduce(0) { $0.saturatingAdding($1.sizeInBytes) } }
}
