/// Room for one block of codes, kept from block to block.
final class Scratch {
    static let codes = 1024
    let base = UnsafeMutablePointer<Int32>.allocate(capacity: Scratch.codes)
    deinit { base.deallocate() }
}
