import Base

/// The server's side of a reflector, so that a test can play it.
protocol WatchSource: Sendable {
    func list(_ options: ListOptions) async throws(KubeError) -> ResourceList<Resource>
    func watch(_ options: WatchOptions) async throws(KubeError) -> any WatchEvents
}

protocol WatchEvents: Sendable {
    func next() async throws(KubeError) -> WatchEvent<Resource>?
    func cancel()
}

extension WatchStream: WatchEvents {}

/// One collection on a server.
struct CollectionSource: WatchSource {
    let client: KubeClient
    let gvr: GroupVersionResource
    let namespace: String?
    let labelSelector: String?
    let fieldSelector: String?
    var metadataOnly = false

    func list(_ options: ListOptions) async throws(KubeError) -> ResourceList<Resource> {
        var options = options
        options.labelSelector = labelSelector
        options.fieldSelector = fieldSelector
        options.metadataOnly = metadataOnly
        // The reflector has its own pauses.
        return try await client.listPage(gvr, namespace: namespace, options, retry: .never)
    }

    func watch(_ options: WatchOptions) async throws(KubeError) -> any WatchEvents {
        var options = options
        options.labelSelector = labelSelector
        options.fieldSelector = fieldSelector
        options.metadataOnly = metadataOnly
        return try await client.watch(gvr, namespace: namespace, options)
    }
}
