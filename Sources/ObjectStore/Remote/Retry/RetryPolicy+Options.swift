import Base

extension RetryPolicy {
    /// By deltalake's names: `max_retries`, `retry_timeout` for an operation with all its attempts, `timeout` for one of them.
    init(_ options: StoreOptions) throws(ObjectStoreError) {
        func duration(_ name: String) throws(ObjectStoreError) -> Duration? {
            guard let text = options.givenValue(name) else { return nil }
            guard let duration = Duration(kubernetes: text), duration > .zero else {
                throw .unsupportedLocation(location: name, reason: "`\(text.shownShort(40))` is no time like 30s")
            }
            return duration
        }
        self.init()
        if let text = options.givenValue("max_retries") {
            guard let retries = Int(text), (0...100).contains(retries) else {
                throw .unsupportedLocation(location: "max_retries", reason: "`\(text.shownShort(40))` is no number from 0 to 100")
            }
            maximumAttempts = retries + 1
        }
        if let limit = try duration("retry_timeout") { deadline = limit }
        if let limit = try duration("timeout") {
            attemptTimeout = limit
            idleTimeout = min(idleTimeout, limit)
        }
    }
}
