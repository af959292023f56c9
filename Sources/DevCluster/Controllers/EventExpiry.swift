import Base

/// Removes events an hour after they were last seen, as the API server's storage does.
final class EventExpiry: Controller {
    static let lifetime = Duration.seconds(3600)

    let name = "event-expiry"
    let workers = 1
    private let api: ClusterAPI

    init(_ api: ClusterAPI) { self.api = api }

    /// One sweep for all events: a timer for each would be thousands.
    func load(_ objects: [(key: StoredKey, object: JSONValue)]) -> [Int] { [0] }

    func keys(for event: StoreEvent) -> [Int] { [] }

    func reconcile(_ key: Int) async throws(APIError) -> Duration? {
        guard let definition = api.registry.find(group: "", version: "v1", plural: "events") else { return nil }
        for event in api.store.objects("events") {
            let seen = [event.at("series", "lastObservedTime"), event["lastTimestamp"], event["eventTime"], event.meta("creationTimestamp")]
            let last = seen.compactMap { $0?.stringValue.flatMap { Timestamp(rfc3339: $0) } }.max()
            guard let last, api.now - last > Self.lifetime else { continue }
            do throws(APIError) {
                _ = try await api.delete(definition, event.namespace, event.name, DeleteOptions())
            } catch {
                if error.code != 404 { throw error }
            }
        }
        return .seconds(60)
    }
}
