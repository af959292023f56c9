/// Which objects by their labels, as `spec.selector` fields write it.
public struct LabelSelector: Sendable, Hashable, Codable {
    public struct Requirement: Sendable, Hashable, Codable {
        public enum Operator: String, Sendable, Hashable, Codable {
            case isIn = "In"
            case isNotIn = "NotIn"
            case exists = "Exists"
            case doesNotExist = "DoesNotExist"
        }

        public var key: String
        public var `operator`: Operator
        public var values: [String]?

        public init(key: String, operator: Operator, values: [String]? = nil) {
            self.key = key
            self.operator = `operator`
            self.values = values
        }
    }

    public var matchLabels: [String: String]?
    public var matchExpressions: [Requirement]?

    public init(matchLabels: [String: String]? = nil, matchExpressions: [Requirement]? = nil) {
        self.matchLabels = matchLabels
        self.matchExpressions = matchExpressions
    }

    /// Whether an object with these labels is meant. An empty selector means all.
    public func matches(_ labels: [String: String]) -> Bool {
        let byLabel = (matchLabels ?? [:]).allSatisfy { labels[$0.key] == $0.value }
        return byLabel && (matchExpressions ?? []).allSatisfy { $0.matches(labels[$0.key]) }
    }

    /// As the `labelSelector` query parameter spells it.
    public var queryValue: String {
        let equalities = (matchLabels ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let requirements = (matchExpressions ?? []).map { requirement in
            let values = (requirement.values ?? []).joined(separator: ",")
            return switch requirement.operator {
            case .isIn: "\(requirement.key) in (\(values))"
            case .isNotIn: "\(requirement.key) notin (\(values))"
            case .exists: requirement.key
            case .doesNotExist: "!\(requirement.key)"
            }
        }
        return (equalities + requirements).joined(separator: ",")
    }
}

extension LabelSelector.Requirement {
    fileprivate func matches(_ label: String?) -> Bool {
        switch `operator` {
        case .isIn: label.map { (values ?? []).contains($0) } ?? false
        case .isNotIn: label.map { !(values ?? []).contains($0) } ?? true
        case .exists: label != nil
        case .doesNotExist: label == nil
        }
    }
}
