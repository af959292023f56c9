import Base
import Glibc
import ObjectStore
import Parquet

/// Levee's side of `bench/parquet.py`: times one thing and prints a JSON line. Not part of the program.
///
///     ParquetBench decode [--threads N] [--runs N] FILE…
///     ParquetBench encode [--threads N] [--runs N] [--repeats N] [--codec none|snappy|zstd] [--minimum-savings PERCENT] [--encoding NAME] FILE…
@main
struct ParquetBench {
    static func main() async throws {
        var arguments = Array(CommandLine.arguments.dropFirst())
        guard let command = arguments.first else { return usage() }
        arguments.removeFirst()
        let threads = takeNumber("--threads", from: &arguments) ?? 1
        let runs = takeNumber("--runs", from: &arguments) ?? 3
        let repeats = takeNumber("--repeats", from: &arguments) ?? 1
        let codec = take("--codec", from: &arguments) ?? "snappy"
        let savings = takeNumber("--minimum-savings", from: &arguments)
        let encoding = take("--encoding", from: &arguments)
        switch command {
        case "encode":
            try await EncodeBench(
                files: arguments, threads: threads, runs: runs, codec: codec, repeats: repeats, minimumSavings: savings, encoding: encoding
            ).run()
        case "decode": try await DecodeBench(files: arguments, threads: threads, runs: runs).run()
        default: usage()
        }
    }

    private static func usage() {
        print(
            "usage: ParquetBench decode|encode [--threads N] [--runs N] [--repeats N] [--codec none|snappy|zstd] [--minimum-savings PERCENT] [--encoding NAME] FILE…"
        )
        exit(2)
    }

    private static func takeNumber(_ name: String, from arguments: inout [String]) -> Int? { take(name, from: &arguments).flatMap { Int($0) } }

    private static func take(_ name: String, from arguments: inout [String]) -> String? {
        guard let place = arguments.firstIndex(of: name), place + 1 < arguments.count else { return nil }
        defer { arguments.removeSubrange(place...(place + 1)) }
        return arguments[place + 1]
    }

    /// Wall-clock seconds of `body`.
    static func seconds(_ body: () async throws -> Void) async throws -> Double {
        let elapsed = try await ContinuousClock().measure { try await body() }
        return Double(elapsed.wholeMicroseconds) / 1e6
    }

    /// The most memory that the process has had, in MB.
    static var peakMegabytes: Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return Double(usage.ru_maxrss) / 1024
    }
}
