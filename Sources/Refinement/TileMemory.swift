import Dynamics

/// What one worker needs to refine a tile, and the tile's results.
struct TileMemory: ~Copyable {
    private let workspace: Workspace<Float>
    /// All tiles, the refined vectors `y` first.
    var base: UnsafeMutablePointer<Float> { workspace.base }
    /// The supplied velocity, `[rows, D]`, made finite; also one embedding at a time before that.
    let vectors: UnsafeMutablePointer<Float>
    /// `[kept]`, one row's best classes at a time.
    let scores: UnsafeMutablePointer<Float>
    let best: UnsafeMutablePointer<Int32>
    /// Where `x(T)` stands, `[rows, D]`: at 0, as `y`, where that is all there is to it.
    var position = 0
    /// `[rows]`
    var statuses: [RowStatus]

    init(for refiner: Refiner) {
        let rows = Tile<Float>.rows
        let c = refiner.classes.count
        let tiles = refiner.classifier.workspaceCount
        workspace = Workspace(count: tiles + rows * refiner.configuration.dimension + c)
        vectors = workspace.base + tiles
        scores = vectors + rows * refiner.configuration.dimension
        best = .allocate(capacity: c)
        best.initialize(repeating: -1, count: c)
        statuses = [RowStatus](repeating: .ok, count: rows)
    }

    deinit {
        best.deallocate()
    }
}
