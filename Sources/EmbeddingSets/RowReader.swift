import Failures
import TensorFiles

/// Rows of a float tensor, a chunk at a time, widened into a buffer that is used again and again.
final class RowReader {
    let floats: UnsafeMutableBufferPointer<Float>
    private let reader: TensorReader
    private let entry: TensorEntry
    private let columns: Int
    private let raw: UnsafeMutableRawBufferPointer

    init(_ reader: TensorReader, _ entry: TensorEntry, chunkRows: Int) {
        self.reader = reader
        self.entry = entry
        columns = entry.shape[1]
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: chunkRows * columns * 4, alignment: 64)
        floats = bytes.bindMemory(to: Float.self)
        raw = .allocate(byteCount: entry.type == .float32 ? 0 : chunkRows * entry.rowBytes, alignment: 64)
    }

    deinit {
        floats.deallocate()
        raw.deallocate()
    }

    func read(rows: Int) throws -> UnsafeBufferPointer<Float> {
        let chunk = UnsafeMutableBufferPointer(rebasing: floats[..<(rows * columns)])
        if entry.type == .float32 {
            try reader.read(into: UnsafeMutableRawBufferPointer(chunk))
        } else {
            let part = UnsafeMutableRawBufferPointer(rebasing: raw[..<(rows * entry.rowBytes)])
            try reader.read(into: part)
            Widening.widen(UnsafeRawBufferPointer(part), entry.type, into: chunk)
        }
        return UnsafeBufferPointer(chunk)
    }
}
