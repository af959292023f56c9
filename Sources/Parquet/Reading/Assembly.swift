import Base
import Columnar

/// Puts nested columns together from their leaves' slots and levels (Dremel's record assembly, a column at a time).
///
/// An entry of a leaf begins a new slot of an enclosing node if its repetition level is not above the node's; the node has a slot there at all if
/// the definition level reaches what the list around the node needs for an element; and the slot is not null if it reaches the node's own.
struct Assembly {
    private let batches: [LeafReader.Batch]
    private let firstLeaf: Int

    /// `batches` are those of the node's leaves, in order.
    init(batches: [LeafReader.Batch], firstLeaf: Int) {
        self.batches = batches
        self.firstLeaf = firstLeaf
    }

    /// The column of `node`. `slotLevel` is the definition level at which the list around the node has an element, 0 outside of lists.
    func column(_ node: LogicalNode, slotLevel: Int = 0) throws(Damage) -> Column {
        switch node.shape {
        case let .leaf(leaf, _): return batches[leaf.index - firstLeaf].column
        case let .structure(fields):
            let (count, nullCount, validity) = slots(node, slotLevel)
            var children: [Column] = []
            for field in fields {
                let child = try column(field, slotLevel: slotLevel)
                try check(child, count, node)
                children.append(child)
            }
            return Column(
                trusted: node.field.type, count: count, nullCount: nullCount, validity: validity, values: .structure(children))
        case let .list(element):
            let (count, nullCount, validity) = slots(node, slotLevel)
            let (offsets, total) = try offsets(node, slotLevel, count: count)
            let elements = try column(element, slotLevel: node.elementDefinitionLevel)
            try check(elements, total, node)
            return Column(
                trusted: node.field.type, count: count, nullCount: nullCount, validity: validity,
                values: .list(offsets: offsets, elements: elements))
        case let .map(key, value):
            let (count, nullCount, validity) = slots(node, slotLevel)
            let (offsets, total) = try offsets(node, slotLevel, count: count)
            let keys = try column(key, slotLevel: node.elementDefinitionLevel)
            let values = try column(value, slotLevel: node.elementDefinitionLevel)
            try check(keys, total, node)
            try check(values, total, node)
            return Column(
                trusted: node.field.type, count: count, nullCount: nullCount, validity: validity,
                values: .map(offsets: offsets, keys: keys, values: values))
        }
    }

    /// Leaves of one group that disagree about how many values there are would make rows of different columns meet.
    private func check(_ child: Column, _ count: Int, _ node: LogicalNode) throws(Damage) {
        guard child.count == count else { throw Damage("the parts of \(node.field.name) disagree: \(count) and \(child.count) values") }
    }

    /// The node's slots, as its first leaf has them.
    private func slots(_ node: LogicalNode, _ slotLevel: Int) -> (count: Int, nullCount: Int, validity: Bytes?) {
        let batch = batches[node.leaves.lowerBound - firstLeaf]
        var count = 0
        var valid = 0
        let bits = Bytes(capacity: Bitmap.byteCount(batch.entryCount)) { target in
            target.initializeMemory(as: UInt8.self, repeating: 0)
            guard let base = target.baseAddress else { return 0 }
            let (slotRepetition, validLevel) = (node.repetitionLevel, node.definitionLevel)
            forEachEntry(batch) { definition, repetition in
                let isSlot = (repetition <= slotRepetition ? 1 : 0) & (definition >= slotLevel ? 1 : 0)
                let isValid = isSlot & (definition >= validLevel ? 1 : 0)
                base.storeBytes(
                    of: base.load(fromByteOffset: count >> 3, as: UInt8.self) | UInt8(truncatingIfNeeded: isValid &<< (count & 7)), toByteOffset: count >> 3,
                    as: UInt8.self)
                valid &+= isValid
                count &+= isSlot
            }
            return Bitmap.byteCount(count)
        }
        return (count, count - valid, valid == count ? nil : bits)
    }

    private func offsets(_ node: LogicalNode, _ slotLevel: Int, count: Int) throws(Damage) -> (Bytes, total: Int) {
        let batch = batches[node.leaves.lowerBound - firstLeaf]
        guard batch.entryCount <= Int(Int32.max) else { throw Damage.tooLarge(batch.entryCount * 4, limit: Int(Int32.max)) }
        var elements: Int32 = 0
        let offsets = Bytes(capacity: (count + 1) * 4) { target in
            let ends = target.assumingMemoryBound(to: Int32.self)
            var slot = 0
            let (slotRepetition, elementLevel) = (node.repetitionLevel, node.elementDefinitionLevel)
            forEachEntry(batch) { definition, repetition in
                // What is written for an entry that begins no slot, the next slot overwrites.
                ends[slot] = elements
                slot &+= (repetition <= slotRepetition ? 1 : 0) & (definition >= slotLevel ? 1 : 0)
                elements &+= (repetition <= slotRepetition &+ 1 ? 1 : 0) & (definition >= elementLevel ? 1 : 0)
            }
            ends[count] = elements
            return target.count
        }
        return (offsets, Int(elements))
    }

    @inline(__always)
    private func forEachEntry(_ batch: LeafReader.Batch, _ body: (_ definition: Int, _ repetition: Int) -> Void) {
        batch.definitionLevels.withUnsafeBytes { definitions in
            batch.repetitionLevels.withUnsafeBytes { repetitions in
                let isRepeated = !repetitions.isEmpty
                for entry in 0..<min(batch.entryCount, definitions.count) {
                    body(Int(definitions[entry]), isRepeated ? Int(repetitions[entry]) : 0)
                }
            }
        }
    }
}
