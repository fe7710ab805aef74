import Dynamics

/// What one worker needs to refine a tile, and the tile's results.
struct TileMemory: ~Copyable {
    private let workspace: Workspace<Float>
    /// The unit embeddings, `[rows, D]`.
    let x0: UnsafeMutablePointer<Float>
    /// The state, `[rows, D]`; after refining, the refined unit vectors: zeros for rows that are not ok.
    let y: UnsafeMutablePointer<Float>
    /// The velocity, `[rows, D]`.
    let v: UnsafeMutablePointer<Float>
    /// `[rows, C]`; meaningless for rows that are not ok.
    let logits: UnsafeMutablePointer<Float>
    /// What the parts of a refinement use one after the other.
    let scratch: UnsafeMutablePointer<Float>
    /// `[rows]`
    var statuses: [RowStatus]

    init(for refiner: Refiner) {
        let rows = DisjointRows.tileRows
        let vectors = rows * refiner.configuration.dimension
        let logitCount = rows * refiner.classes.count
        var scratchCount = max(logitCount, refiner.initialVelocity?.scratchCount(rows: rows) ?? 0)
        if let field = refiner.field, let integrator = refiner.integrator {
            scratchCount = max(scratchCount, integrator.workspaceCount(for: field, rows: rows))
        }
        workspace = Workspace(count: 3 * vectors + logitCount + scratchCount)
        x0 = workspace.base
        y = x0 + vectors
        v = y + vectors
        scratch = v + vectors
        logits = scratch + scratchCount
        statuses = [RowStatus](repeating: .ok, count: rows)
    }
}
