/// The closed list of things that can go wrong.
///
/// The raw value is what users meet: the same word stands in SQLite, JSON, metrics, logs and `reason.json`.
public enum FailureCode: String, CaseIterable, Codable, Sendable {
    // A batch that cannot be used.
    case incomplete
    case unreadable
    case corruptZstd = "corrupt_zstd"
    case corruptSafetensors = "corrupt_safetensors"
    case corruptNpy = "corrupt_npy"
    case unsupportedFormat = "unsupported_format"
    case tooLarge = "too_large"
    case dimensionMismatch = "dimension_mismatch"
    case encoderMismatch = "encoder_mismatch"
    case noRows = "no_rows"
    case nonFiniteRows = "non_finite_rows"

    // Sets that cannot be trained on or judged by.
    case noLabels = "no_labels"
    case classesMismatch = "classes_mismatch"

    // A model or a configuration that cannot be used.
    case modelMissing = "model_missing"
    case modelInvalid = "model_invalid"
    case configurationInvalid = "configuration_invalid"

    // The environment.
    case noSpace = "no_space"
    case ioError = "io_error"
    case deadline
    case crashed
    case alreadyRunning = "already_running"
    case unavailable
    case storeNewer = "store_newer"
    case storeDamaged = "store_damaged"

    // A request that makes no sense.
    case invalidArgument = "invalid_argument"
    case notFound = "not_found"
    case wrongState = "wrong_state"
    case cancelled

    case `internal`
}

extension FailureCode {
    /// Whether waiting and trying the same bytes again can help.
    public var isTransient: Bool {
        switch self {
        case .ioError, .noSpace: true
        default: false
        }
    }

    /// Whether it counts as an attempt at a batch, which has only so many.
    public var countsAttempt: Bool { self == .crashed || self == .deadline }

    /// Whether a file that looks so may be one that is still being written: cut short, or allocated at its full size and
    /// filled bit by bit.
    public var mayBeUnfinished: Bool {
        switch self {
        case .incomplete, .corruptZstd, .corruptSafetensors, .corruptNpy: true
        default: false
        }
    }

    /// Whether the same bytes would fail again, whatever is done about the model, the configuration or the machine. Rows
    /// that are not finite may come of a model that diverges.
    public var needsOtherBytes: Bool {
        switch self {
        case .incomplete, .corruptZstd, .corruptSafetensors, .corruptNpy, .unsupportedFormat, .noRows:
            true
        default: false
        }
    }

    /// The process exit status for a command that ends with this failure (sysexits.h).
    public var exitStatus: Int32 {
        switch self {
        case .invalidArgument: 64
        case .incomplete, .corruptZstd, .corruptSafetensors, .corruptNpy, .unsupportedFormat, .tooLarge,
            .dimensionMismatch, .encoderMismatch, .noRows, .nonFiniteRows, .noLabels, .classesMismatch, .modelInvalid,
            .wrongState, .storeDamaged:
            65
        case .unreadable, .modelMissing, .notFound: 66
        case .unavailable: 69
        case .crashed, .internal: 70
        case .noSpace, .ioError: 74
        case .alreadyRunning, .deadline, .cancelled: 75
        case .configurationInvalid, .storeNewer: 78
        }
    }
}
