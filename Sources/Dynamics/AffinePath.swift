/// The affine coordinates at every stage of every step, by the scheme itself.
struct AffinePath {
    /// `[steps][stages]`
    private(set) var stages: [[AffineCoordinates]] = []
    /// At the end of the grid.
    private(set) var end = AffineCoordinates()

    init(tableau: Tableau, grid: TimeGrid, order: Int, damping: Double) {
        let h = grid.step
        let scheme = tableau.secondOrder
        for _ in 0..<grid.steps {
            var step: [AffineCoordinates] = []
            guard order == 2 else {
                for node in tableau.c {
                    var here = end
                    here.xi += h * node
                    step.append(here)
                }
                stages.append(step)
                end.xi += h * tableau.b.reduce(0, +)
                continue
            }
            var slopes: [(eta: Double, mu: Double)] = []
            for stage in 0..<scheme.stages {
                let here = end.moved(
                    drift: h * scheme.nodes[stage], positions: scheme.stagePositions[stage].map { h * h * $0 },
                    velocities: scheme.stageVelocities[stage].map { h * $0 }, slopes: slopes)
                step.append(here)
                slopes.append(here.acceleration(damping: damping))
            }
            stages.append(step)
            end = end.moved(
                drift: h, positions: scheme.position.map { h * h * $0 }, velocities: scheme.velocity.map { h * $0 },
                slopes: slopes)
        }
    }
}
