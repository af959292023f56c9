/// One node of the flattened schema tree, as the footer has it.
struct SchemaElement {
    var name = ""
    var physicalType: PhysicalType?
    var typeLength: Int32?
    var repetition: Repetition?
    var childCount: Int32?
    var logicalType: LogicalType?
    var fieldID: Int32?

    init(name: String) { self.name = name }

    init(_ reader: inout CompactReader) throws(Damage) {
        var element = SchemaElement(name: "")
        var converted: Int32?
        var scale: Int32?
        var precision: Int32?
        try reader.structure { (reader, id, kind) throws(Damage) in
            switch (id, kind) {
            case (1, .int32):
                let raw = try reader.int32()
                guard let type = PhysicalType(rawValue: raw) else { throw Damage.unsupported("physical type \(raw)") }
                element.physicalType = type
            case (2, .int32): element.typeLength = try reader.int32()
            case (3, .int32):
                let raw = try reader.int32()
                guard let repetition = Repetition(rawValue: raw) else { throw Damage("repetition \(raw) does not exist", at: reader.position) }
                element.repetition = repetition
            case (4, .binary): element.name = try reader.string()
            case (5, .int32): element.childCount = try reader.int32()
            case (6, .int32): converted = try reader.int32()
            case (7, .int32): scale = try reader.int32()
            case (8, .int32): precision = try reader.int32()
            case (9, .int32): element.fieldID = try reader.int32()
            case (10, .structure): element.logicalType = try LogicalType.read(&reader)
            default: return false
            }
            return true
        }
        if element.logicalType == nil, let converted {
            element.logicalType = LogicalType(converted: converted, precision: precision.map(Int.init), scale: scale.map(Int.init))
        }
        self = element
    }
}

extension LogicalType {
    /// The meaning of a converted type; nil for one that does not exist or lacks its precision, which then counts as absent.
    init?(converted: Int32, precision: Int?, scale: Int?) {
        switch converted {
        case 0: self = .string
        case 1: self = .map
        case 2: self = .mapKeyValue
        case 3: self = .list
        case 4: self = .enumeration
        case 5:
            guard let precision else { return nil }
            self = .decimal(precision: precision, scale: scale ?? 0)
        case 6: self = .date
        case 7: self = .time(isAdjustedToUTC: true, unit: .milliseconds)
        case 8: self = .time(isAdjustedToUTC: true, unit: .microseconds)
        case 9: self = .timestamp(isAdjustedToUTC: true, unit: .milliseconds)
        case 10: self = .timestamp(isAdjustedToUTC: true, unit: .microseconds)
        case 11: self = .integer(bitWidth: 8, isSigned: false)
        case 12: self = .integer(bitWidth: 16, isSigned: false)
        case 13: self = .integer(bitWidth: 32, isSigned: false)
        case 14: self = .integer(bitWidth: 64, isSigned: false)
        case 15: self = .integer(bitWidth: 8, isSigned: true)
        case 16: self = .integer(bitWidth: 16, isSigned: true)
        case 17: self = .integer(bitWidth: 32, isSigned: true)
        case 18: self = .integer(bitWidth: 64, isSigned: true)
        case 19: self = .json
        case 20: self = .bson
        case 21: self = .interval
        default: return nil
        }
    }

    /// The converted type that older readers know this one by, where there is one.
    var converted: Int32? {
        switch self {
        case .string: 0
        case .map: 1
        case .mapKeyValue: 2
        case .list: 3
        case .enumeration: 4
        case .decimal: 5
        case .date: 6
        // Readers that know only converted types take these for UTC, so local ones must not have them.
        case .time(true, .milliseconds): 7
        case .time(true, .microseconds): 8
        case .timestamp(true, .milliseconds): 9
        case .timestamp(true, .microseconds): 10
        case .integer(8, false): 11
        case .integer(16, false): 12
        case .integer(32, false): 13
        case .integer(64, false): 14
        case .integer(8, true): 15
        case .integer(16, true): 16
        case .integer(32, true): 17
        case .integer(64, true): 18
        case .json: 19
        case .bson: 20
        case .interval: 21
        default: nil
        }
    }

    /// The union `LogicalType` of parquet.thrift. Nil where no member is set.
    static func read(_ reader: inout CompactReader) throws(Damage) -> LogicalType? {
        var type: LogicalType?
        try reader.structure { (reader, id, kind) throws(Damage) in
            guard kind == .structure else { return false }
            var parameters = Parameters()
            try reader.structure { (reader, id, kind) throws(Damage) in try parameters.read(&reader, id, kind) }
            switch id {
            case 1: type = .string
            case 2: type = .map
            case 3: type = .list
            case 4: type = .enumeration
            case 5: type = .decimal(precision: Int(parameters.second), scale: Int(parameters.first))
            case 6: type = .date
            case 7, 8:
                guard let unit = parameters.unit else {
                    type = .unknown(id: id)
                    break
                }
                type = id == 7 ? .time(isAdjustedToUTC: parameters.flag1, unit: unit) : .timestamp(isAdjustedToUTC: parameters.flag1, unit: unit)
            case 10: type = .integer(bitWidth: Int(parameters.first), isSigned: parameters.flag2)
            case 11: type = .null
            case 12: type = .json
            case 13: type = .bson
            case 14: type = .uuid
            case 15: type = .float16
            case 16: type = .variant
            default: type = .unknown(id: id)
            }
            return true
        }
        return type
    }

    /// The fields that the union's members may have; no two members use one id for different things of one kind.
    private struct Parameters {
        var first: Int32 = 0
        var second: Int32 = 0
        var flag1 = false
        var flag2 = false
        var unit: TimeUnit?

        mutating func read(_ reader: inout CompactReader, _ id: Int, _ kind: CompactReader.Kind) throws(Damage) -> Bool {
            switch (id, kind) {
            case (1, .int32): first = try reader.int32()
            case (1, .byte): first = Int32(Int8(bitPattern: try reader.byte()))
            case (2, .int32): second = try reader.int32()
            case (1, .boolTrue): flag1 = true
            case (2, .boolTrue): flag2 = true
            case (2, .structure):
                var unit: TimeUnit?
                try reader.structure { (_, id, _) throws(Damage) in
                    unit = TimeUnit(rawValue: id)
                    return false
                }
                self.unit = unit
            default: return false
            }
            return true
        }
    }
}

extension SchemaElement {
    func write(_ writer: inout CompactWriter) {
        writer.structure { writer in
            if let physicalType { writer.field(1, physicalType.rawValue) }
            if let typeLength { writer.field(2, typeLength) }
            if let repetition { writer.field(3, repetition.rawValue) }
            writer.field(4, name)
            if let childCount { writer.field(5, childCount) }
            if let converted = logicalType?.converted { writer.field(6, converted) }
            if case let .decimal(precision, scale) = logicalType {
                writer.field(7, Int32(truncatingIfNeeded: scale))
                writer.field(8, Int32(truncatingIfNeeded: precision))
            }
            if let fieldID { writer.field(9, fieldID) }
            if let logicalType { logicalType.write(&writer) }
        }
    }
}

extension LogicalType {
    fileprivate func write(_ writer: inout CompactWriter) {
        guard let member = unionMember else { return }
        writer.structure(10) { writer in
            writer.structure(member) { writer in
                switch self {
                case let .decimal(precision, scale):
                    writer.field(1, Int32(truncatingIfNeeded: scale))
                    writer.field(2, Int32(truncatingIfNeeded: precision))
                case let .time(isAdjustedToUTC, unit), let .timestamp(isAdjustedToUTC, unit):
                    writer.field(1, isAdjustedToUTC)
                    writer.structure(2) { writer in writer.structure(unit.rawValue) { _ in } }
                case let .integer(bitWidth, isSigned):
                    writer.field(1, byte: Int8(truncatingIfNeeded: bitWidth))
                    writer.field(2, isSigned)
                default: break
                }
            }
        }
    }

    /// The id of the union's member; nil for what only converted types can say.
    private var unionMember: Int? {
        switch self {
        case .string: 1
        case .map: 2
        case .list: 3
        case .enumeration: 4
        case .decimal: 5
        case .date: 6
        case .time: 7
        case .timestamp: 8
        case .integer: 10
        case .null: 11
        case .json: 12
        case .bson: 13
        case .uuid: 14
        case .float16: 15
        case .variant: 16
        case .interval, .mapKeyValue: nil
        case let .unknown(id): id
        }
    }
}
