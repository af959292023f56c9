/// Where randomness comes from. Injected, so that a test can repeat a run by its seed.
public protocol RandomSource: Sendable {
    /// 64 independent random bits.
    func next() -> UInt64
}

extension RandomSource {
    /// Uniform in `0..<bound`; 0 where the bound is not positive.
    public func integer(below bound: Int) -> Int {
        guard bound > 1 else { return 0 }
        var generator = generator
        return Int.random(in: 0..<bound, using: &generator)
    }

    /// Uniform in `0..<1`.
    public func fraction() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// Uniform between zero and `bound`.
    public func duration(upTo bound: Duration) -> Duration { bound * fraction() }

    /// For the standard library's `random(in:using:)` and `shuffled(using:)`.
    public var generator: RandomSourceGenerator { RandomSourceGenerator(source: self) }
}

/// A ``RandomSource`` as the standard library wants it.
public struct RandomSourceGenerator: RandomNumberGenerator {
    let source: any RandomSource

    public func next() -> UInt64 { source.next() }
}

/// The system's cryptographically secure randomness.
public struct SystemRandomSource: RandomSource {
    public init() {}

    public func next() -> UInt64 {
        var generator = SystemRandomNumberGenerator()
        return generator.next()
    }
}

/// The same sequence for the same seed (SplitMix64). For tests and for jitter, never for secrets.
public final class SeededRandomSource: RandomSource {
    private let state: Lock<UInt64>

    public init(seed: UInt64) { state = Lock(seed) }

    public func next() -> UInt64 {
        state.withLock { state in
            state &+= 0x9E37_79B9_7F4A_7C15
            var bits = state
            bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
            bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
            return bits ^ (bits >> 31)
        }
    }
}
