import Columnar

/// Moves values that were decoded densely to the slots that have one, in place: from the back, since a value never moves forward.
///
/// Trusts its caller for sizes: there is room for `slots` values, the first `valid` of them are there, and as many `levels` are `maximum`.
struct NullSpreading {
    let levels: UnsafePointer<UInt8>
    let maximum: UInt8
    let slots: Int
    let valid: Int

    /// Values of `width` bytes, aligned to it; null slots become zero.
    func values(_ base: UnsafeMutableRawPointer, width: Int) {
        switch width {
        case 16: values(base, as: UInt128.self)
        case 8: values(base, as: UInt64.self)
        case 4: values(base, as: UInt32.self)
        case 2: values(base, as: UInt16.self)
        default: values(base, as: UInt8.self)
        }
    }

    @inline(__always)
    private func values<Value: FixedWidthInteger & BitwiseCopyable>(_ base: UnsafeMutableRawPointer, as: Value.Type) {
        let values = base.assumingMemoryBound(to: Value.self)
        var next = valid
        for slot in stride(from: slots - 1, through: 0, by: -1) {
            // Without a branch, which nulls here and there would make a coin toss. `next` is a slot of the block either way.
            let isValid = levels[slot] == maximum
            next &-= isValid ? 1 : 0
            let value = values[next]
            values[slot] = isValid ? value : 0
        }
    }

    /// Bits, the first of them at `start`; null slots become zero.
    func bits(_ base: UnsafeMutableRawPointer, from start: Int) {
        var next = valid
        for slot in stride(from: slots - 1, through: 0, by: -1) {
            var isSet = false
            if levels[slot] == maximum {
                next &-= 1
                isSet = Bitmap.isSet(base, start &+ next)
            }
            if isSet { Bitmap.set(base, start &+ slot) } else { Bitmap.clear(base, start &+ slot) }
        }
    }

    /// Ends of values of variable width; a slot ends where the last value before or in it ends. `ends[-1]` is where the first one begins.
    func ends(_ ends: UnsafeMutablePointer<Int32>) {
        var next = valid
        for slot in stride(from: slots - 1, through: 0, by: -1) {
            ends[slot] = ends[next &- 1]
            if levels[slot] == maximum { next &-= 1 }
        }
    }
}
