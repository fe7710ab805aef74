import Failures

/// Recognises other formats by their first bytes and says how to convert them.
enum ForeignFormat {
    /// - Parameters:
    ///   - start: the first bytes of the (decompressed) content; 512 are enough.
    ///   - path: for the message, with the suffix as a hint only.
    static func failure(_ start: [UInt8], path: String) -> Failure {
        let (what, remedy) = diagnosis(start)
        return Failure(.unsupportedFormat, "\(path) \(what): \(remedy)")
    }

    private static let save = "from safetensors.numpy import save_file; save_file({'embeddings': a}, 'set.safetensors')"

    private static func diagnosis(_ start: [UInt8]) -> (String, String) {
        func python(_ load: String) -> String { "convert it in Python with `\(load); \(save)`." }
        let text = String(decoding: start, as: UTF8.self)
        let signatures: [(bytes: [UInt8], what: String, remedy: String)] = [
            (
                Array("PAR1".utf8), "is a Parquet file",
                python("import pandas, numpy as np; a = np.stack(pandas.read_parquet('f')['embedding']).astype('f4')")
            ),
            (
                [0x89] + Array("HDF\r\n".utf8), "is an HDF5 file",
                python("import h5py; a = h5py.File('f')['embeddings'][:].astype('f4')")
            ),
            (
                Array("ARROW1".utf8), "is an Arrow file",
                python("import pandas, numpy as np; a = np.stack(pandas.read_feather('f')['embedding']).astype('f4')")
            ),
            ([0x1F, 0x8B], "is gzip-compressed", "unpack it with gunzip and send it bare or compressed with zstd."),
            ([0xFD] + Array("7zXZ".utf8), "is xz-compressed", "unpack it with unxz and send it bare or with zstd."),
            (Array("BZh".utf8), "is bzip2-compressed", "unpack it with bunzip2 and send it bare or with zstd."),
            ([0x04, 0x22, 0x4D, 0x18], "is lz4-compressed", "unpack it with unlz4 and send it bare or with zstd."),
        ]
        if let found = signatures.first(where: { start.starts(with: $0.bytes) }) { return (found.what, found.remedy) }
        if start.starts(with: [0x50, 0x4B, 3, 4]) {
            // The first entry of a zip: torch.save puts NAME/data.pkl there, numpy.savez NAME.npy.
            if text.contains("data.pkl") || text.contains("/version") || text.contains(".format_version") {
                return ("is a PyTorch file", python("import torch; a = torch.load('f').float().cpu().numpy()"))
            }
            if text.contains(".npy") {
                return ("is an .npz archive", python("import numpy as np; z = np.load('f'); a = z[z.files[0]]"))
            }
            return ("is a zip archive", "unpack it and send its files one by one.")
        }
        if start.count >= 2, start[0] == 0x80, (2...5).contains(start[1]) {
            if start.starts(with: [0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46]) {
                return ("is a PyTorch file", python("import torch; a = torch.load('f').float().cpu().numpy()"))
            }
            return (
                "is a Python pickle, which is a program and never loaded here",
                python("import pickle, numpy as np; a = np.asarray(pickle.load(open('f', 'rb')), dtype='f4')")
            )
        }
        return (
            "is neither safetensors nor npy, bare or zstd",
            "write it in Python with `import numpy as np; np.save('set.npy', a.astype('f4'))`."
        )
    }
}
