/// One change of a table's state: a line of a commit (protocol, "Actions").
public enum Action: Sendable, Hashable {
    case add(AddFile)
    case remove(RemoveFile)
    case metadata(TableMetadata)
    case `protocol`(ProtocolAction)
    case transaction(SetTransaction)
    case domainMetadata(DomainMetadata)
    case changeData(AddChangeData)
}
