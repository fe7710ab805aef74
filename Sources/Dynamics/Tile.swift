/// How a worker keeps the rows of its tile: `[rows, n]` as `ceil(n / panel)` panels of `[rows, panel]`, one after the other.
///
/// A panel's rows stand together, so that products and what follows them run along memory whatever `n` is. Columns past
/// `n` are zeros. There is room for `rows` rows whether or not all are used.
public enum Tile<S: KernelScalar> {
    public static var rows: Int { DisjointRows.tileRows }

    /// Numbers from one panel to the next.
    public static var panelStride: Int { rows * S.panel }

    /// `columns` rounded up to whole panels.
    public static func padded(_ columns: Int) -> Int {
        (columns + S.panel - 1) / S.panel * S.panel
    }

    /// How many numbers a tile takes.
    public static func count(_ columns: Int) -> Int {
        rows * padded(columns)
    }
}
