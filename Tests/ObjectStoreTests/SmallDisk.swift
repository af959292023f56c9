import Base
import Foundation
import TestSupport

/// A file system in memory of a given size, where the test may mount one (root).
final class SmallDisk {
    let directory: TemporaryDirectory
    var path: String { directory.appending("disk") }

    /// Nil, with a line that says so, where mounting is not allowed.
    init?(_ options: String) throws {
        directory = try TemporaryDirectory()
        mkdir(directory.appending("disk"), 0o755)
        guard try Self.run("mount", "-t", "tmpfs", "-o", options, "tmpfs", directory.appending("disk")) == 0 else {
            print("skipped: mounting a tmpfs is not allowed here")
            return nil
        }
    }

    deinit { _ = try? Self.run("umount", "-l", path) }

    func makeReadOnly() throws {
        guard try Self.run("mount", "-o", "remount,ro", path) == 0 else { throw SystemError(code: EPERM, call: "mount") }
    }

    private static func run(_ arguments: String...) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }
}
