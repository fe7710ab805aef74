/// How far training is, for a progress bar.
public struct TrainingProgress: Sendable {
    /// Which trial, from 1, and how many there are.
    public let trial: Int
    public let trials: Int
    /// Epochs done, from 1.
    public let epoch: Int
    public let of: Int
    /// The loss over the epoch: cross-entropy on support rows, on prompts, and penalty.
    public let loss: Double
    /// Accuracy on the judging rows where they were last looked at, 0 to 1; 0 before that and where there are none.
    public let accuracy: Double
}
