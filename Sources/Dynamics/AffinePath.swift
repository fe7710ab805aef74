/// The affine coordinates at every stage of every step, by the scheme itself.
struct AffinePath {
    /// `[steps][stages]`
    private(set) var stages: [[AffineCoordinates]] = []
    /// At the end of the grid.
    private(set) var end = AffineCoordinates()

    /// - Parameter damping: of `s`: 0 where the scheme has it in its coefficients.
    init(_ scheme: SecondOrderScheme, grid: TimeGrid, damping: Double) {
        let h = grid.step
        for _ in 0..<grid.steps {
            var step: [AffineCoordinates] = []
            var slopes: [(eta: Double, mu: Double)] = []
            for stage in 0..<scheme.stages {
                let velocities = scheme.stageVelocities.isEmpty ? [] : scheme.stageVelocities[stage]
                let here = end.moved(
                    drift: h * scheme.drifts[stage], positions: scheme.stagePositions[stage].map { h * h * $0 },
                    velocities: velocities.map { h * $0 }, slopes: slopes)
                step.append(here)
                slopes.append(here.acceleration(damping: damping))
            }
            stages.append(step)
            end = end.moved(
                drift: h * scheme.drift, positions: scheme.position.map { h * h * $0 }, retention: scheme.retention,
                velocities: scheme.velocity.map { h * $0 }, slopes: slopes)
        }
    }

    /// At order 1, where the scheme's velocities move the position.
    init(firstOrder scheme: SecondOrderScheme, grid: TimeGrid) {
        let h = grid.step
        for _ in 0..<grid.steps {
            stages.append(
                scheme.nodes.map { node in
                    var here = end
                    here.xi += h * node
                    return here
                })
            end.xi += h * scheme.velocity.reduce(0, +)
        }
    }
}
