/// Translates a set's labels into a model's classes by name, since the two may list them in another order.
public struct ClassMap: Sendable, Hashable {
    /// The model's class for each class of the set, -1 where the model does not know it, `[classes of the set]`.
    public let targets: [Int]
    /// Classes of the set that the model does not know.
    public let unknown: [String]

    public init(from names: [String], to known: [String]) {
        let places = Dictionary(known.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        targets = names.map { places[$0] ?? -1 }
        unknown = names.filter { places[$0] == nil }
    }

    /// The model's class for a label, -1 where there is none.
    public func callAsFunction(_ label: Int32) -> Int {
        targets.indices.contains(Int(label)) ? targets[Int(label)] : -1
    }
}
