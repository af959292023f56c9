import Base

/// Does all of an operation anew, from the table as it is then, where another writer changed what it had read.
enum ConflictRetry {
    /// - Parameter body: told the number of the try, from 1.
    static func run<Result>(_ environment: EngineEnvironment, maximumTries: Int, doing name: String, body: (Int) async throws -> Result) async throws -> Result
    {
        var tries = 1
        while true {
            do {
                return try await body(tries)
            } catch let error as DeltaError {
                guard case .commitConflict = error, tries < maximumTries else { throw error }
                environment.logger.info("another writer was faster; the operation starts anew", ["operation": name, "try": tries, "conflict": "\(error)"])
            }
            try await environment.clock.sleep(
                for: Backoff(base: .milliseconds(20), cap: .seconds(2)).delay(afterFailures: tries, random: environment.random))
            tries += 1
        }
    }
}
