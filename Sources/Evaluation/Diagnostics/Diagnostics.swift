/// What refinement does to the features of a test set, beyond how many answers are right.
public struct Diagnostics: Sendable, Codable, Equatable {
    /// Labelled rows of known classes that the model refines; the others are left out.
    public var rows: Int
    public var rowsLeftOut: Int
    /// Of the unit rows that the equation starts from, and of the refined ones; nil with fewer than two classes.
    public var before: Separability?
    public var after: Separability?
    /// Over all labelled rows, where prompts were given.
    public var transfer: AnswerTransfer?
    /// The mean recall of the worst tenth of the classes that have rows, and of the tenth that is worst for zero-shot.
    public var worstDecile: Double
    public var worstDecileZeroShot: Double?
    /// Nil at order 0, where nothing moves.
    public var path: PathDiagnostics?
    /// What the manifest says; nil where it does not.
    public var trainingGap: TrainingGap?
}

/// The ways of a sample of rows through the equation, in double precision.
public struct PathDiagnostics: Sendable, Codable, Equatable {
    /// Rows followed, spread evenly over those that are refined, and rows that ran away.
    public var rows: Int
    public var rowsLeftOut: Int
    /// Steps of the classical fourth-order method that each was followed in.
    public var resolution: Int
    /// `∫ |x'| dt`
    public var length: Spread
    /// `|x(T) - x(0)|`; the features have length 1.
    public var displacement: Spread
    /// Length over displacement: 1 is a straight way, of rows that move at all.
    public var detour: Spread?
    /// `½ |x'|²`
    public var energyAtStart: Spread
    public var energyAtEnd: Spread
    public var greatestEnergy: Spread
    /// Sign changes of the velocity along the displacement, and rows that have any.
    public var reversals: Spread
    public var rowsReversing: Int
    /// The largest `|S|` on the way.
    public var largestSlope: Spread
    /// Of the Jacobian of `[x, x']' = [x', S]`, the largest at the beginning, the middle and the end of the way: an estimate of
    /// the Lipschitz constant that matters for stability.
    public var spectralRadius: Spread
    /// The model's own step, in its time unit.
    public var step: Double
    /// How far the solver's interval of stability reaches along the negative axis; nil for a Nyström method, which has none
    /// in this sense. The eigenvalues may lie elsewhere: beyond it is a warning, not a proof.
    public var stabilityBound: Double?

    /// The largest spectral radius times the step.
    public var stiffness: Double { spectralRadius.largest * step }
}

/// A sample in three figures, by the nearest rank.
public struct Spread: Sendable, Codable, Equatable {
    public var median: Double
    public var p95: Double
    public var largest: Double

    /// - Parameter values: at least one.
    init(_ values: [Double]) {
        let quantiles = Quantiles(values)
        (median, p95, largest) = (quantiles.median, quantiles(0.95), quantiles.largest)
    }
}
