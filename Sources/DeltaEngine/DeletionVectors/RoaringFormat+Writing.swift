import Base

extension RoaringFormat {
    /// The serialized form of rows: each container as a list, a bitmap or runs, whichever is smallest, as the libraries of other engines write it.
    static func serialize(_ rows: DeletedRows) -> Bytes {
        var buckets: [(key: Int64, containers: ArraySlice<DeletedRows.Container>)] = []
        var rest = rows.containers[...]
        while let first = rest.first {
            let key = first.base >> 32
            let bucket = rest.prefix { $0.base >> 32 == key }
            buckets.append((key, bucket))
            rest = rest.dropFirst(bucket.count)
        }
        var bytes = BytesBuilder()
        bytes.append(magic.littleEndian)
        bytes.append(UInt64(buckets.count).littleEndian)
        for bucket in buckets {
            bytes.append(UInt32(truncatingIfNeeded: bucket.key).littleEndian)
            append(bucket.containers.map(Body.init), to: &bytes)
        }
        return bytes.take()
    }

    /// A container as it is written.
    private struct Body {
        let key: UInt16
        let cardinality: Int
        let content: DeletedRows.Content

        init(_ container: DeletedRows.Container) {
            key = UInt16(truncatingIfNeeded: container.base >> 16)
            cardinality = container.count
            let runs = container.runs
            let plain = DeletedRows.Container(base: container.base, words: container.words, count: cardinality).content
            content = 2 + runs.count * 4 < min(cardinality * 2, 8192) ? .runs(runs) : plain
        }

        var isRuns: Bool { if case .runs = content { true } else { false } }

        var size: Int {
            switch content {
            case let .positions(positions): positions.count * 2
            case .bitmap: 8192
            case let .runs(runs): 2 + runs.count * 4
            }
        }
    }

    /// A 32-bit bitmap: cookie, keys and cardinalities, offsets, containers.
    private static func append(_ bodies: [Body], to bytes: inout BytesBuilder) {
        let start = bytes.count
        let hasRuns = bodies.contains(where: \.isRuns)
        if hasRuns {
            bytes.append((cookieWithRuns | UInt32(bodies.count - 1) << 16).littleEndian)
            var flags = [UInt8](repeating: 0, count: (bodies.count + 7) / 8)
            for (place, body) in bodies.enumerated() where body.isRuns { flags[place / 8] |= 1 << UInt8(place % 8) }
            for flag in flags { bytes.append(flag) }
        } else {
            bytes.append(cookieWithoutRuns.littleEndian)
            bytes.append(UInt32(bodies.count).littleEndian)
        }
        for body in bodies {
            bytes.append(body.key.littleEndian)
            bytes.append(UInt16(truncatingIfNeeded: body.cardinality - 1).littleEndian)
        }
        if !hasRuns || bodies.count >= fewestWithOffsets {
            var offset = bytes.count - start + bodies.count * 4
            for body in bodies {
                bytes.append(UInt32(truncatingIfNeeded: offset).littleEndian)
                offset += body.size
            }
        }
        for body in bodies {
            switch body.content {
            case let .positions(positions): for position in positions { bytes.append(position.littleEndian) }
            case let .bitmap(words): for word in words { bytes.append(word.littleEndian) }
            case let .runs(runs):
                bytes.append(UInt16(truncatingIfNeeded: runs.count).littleEndian)
                for run in runs {
                    bytes.append(run.first.littleEndian)
                    bytes.append((run.last - run.first).littleEndian)
                }
            }
        }
    }
}
