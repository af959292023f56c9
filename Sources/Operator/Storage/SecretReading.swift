import KubeClient

/// The secrets that profiles name, and no others. The seam at which tests put secrets of their own.
protocol SecretReading: Sendable {
    /// The secret as it is now, from the server; nil where there is none. Whoever asks keeps it no longer than needed.
    func secret(_ key: ObjectKey) async throws(KubeError) -> Secret?
    /// Which version of the secret there is, as far as a watch has told.
    func known(_ key: ObjectKey) -> KnownSecret
}

enum KnownSecret: Hashable, Sendable {
    /// Nobody watches it, or the watch has not told yet.
    case unknown
    case absent
    case version(String)
}
