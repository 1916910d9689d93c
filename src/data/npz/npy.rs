//! `.npy` arrays, read from a stream or a file, or mapped.

use super::dtype::{Array, Dtype, Kind, Values};
use super::header::Header;
use crate::data::mapped::{Mapped, MappedArray, Stored, Unmapped, map};
use crate::memory::available_host_bytes;
use memmap2::Mmap;
use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};

const CHUNK_BYTES: usize = 256 << 10;

/// Reads the array in `file`.
pub(in crate::data) fn read(file: &File) -> Result<Array, String> {
    let (bytes, available) = (length(file)?, available_host_bytes().unwrap_or(u64::MAX));
    if bytes > available {
        return Err(format!("takes {bytes} bytes, and the host has {available} available"));
    }
    read_from(BufReader::new(file), bytes)
}

/// Reads the array in `file`, which holds `bytes` bytes.
pub(crate) fn read_from(mut file: impl Read, bytes: u64) -> Result<Array, String> {
    let header = Header::read(&mut file)?;
    header.check_held(bytes)?;
    let values = read_values(&mut file, &header)?;
    Ok(Array { shape: header.shape, values })
}

/// Maps the array in `file`.
pub(in crate::data) fn map_file(file: &File) -> Result<MappedArray, Unmapped> {
    let bytes = length(file)?;
    if bytes == 0 {
        return Err(Unmapped::Broken("is empty, expected a .npy file".into()));
    }
    map_array(map(file, 0, bytes)?, None)
}

/// The array that `map` holds, header included. Checks its bytes against a CRC-32 `checksum`, if there is
/// one.
pub(super) fn map_array(map: Mmap, checksum: Option<u32>) -> Result<MappedArray, Unmapped> {
    let header = Header::read(&mut &map[..])?;
    header.check_held(map.len() as u64)?;
    let stored = match header.dtype {
        _ if header.fortran_order && header.shape.len() > 1 => {
            let problem =
                "is in Fortran order, and only C order can be mapped; save it with np.ascontiguousarray";
            return Err(Unmapped::Unsuited(problem.into()));
        }
        Dtype { kind: Kind::U8, .. } => Stored::U8,
        Dtype { kind: Kind::F32, big_endian: false, .. } => Stored::F32,
        Dtype { kind, big_endian, .. } => {
            let found = match kind {
                Kind::F32 if big_endian => "big-endian float32",
                Kind::F64 => "float64",
                Kind::F16 => "float16",
                Kind::Bf16 => "bfloat16",
                Kind::Bool => "booleans",
                _ => "integers wider than uint8, or signed",
            };
            return Err(Unmapped::Unsuited(format!(
                "holds {found}, and only uint8 and little-endian float32 can be mapped; save it with \
                 .astype('<f4')"
            )));
        }
    };
    let mapped = Mapped::new(map, header.header_bytes as usize, &header.shape, stored);
    mapped.check(checksum)?;
    Ok(MappedArray { shape: header.shape, mapped })
}

fn length(file: &File) -> Result<u64, String> {
    file.metadata().map(|found| found.len()).map_err(|error| format!("cannot be read: {error}"))
}

/// Reads the values that follow `header`.
pub(super) fn read_values(from: &mut impl Read, header: &Header) -> Result<Values, String> {
    let mut values = Values::empty(header.dtype.kind);
    let mut left = header.count * header.dtype.width;
    let mut chunk = vec![0; left.min(CHUNK_BYTES)];
    while left > 0 {
        let chunk = &mut chunk[..left.min(CHUNK_BYTES)];
        from.read_exact(chunk).map_err(damaged)?;
        values.append(header.dtype, chunk)?;
        left -= chunk.len();
    }
    let reorder = header.fortran_order && header.shape.len() > 1;
    Ok(if reorder { values.fortran_to_c(&header.shape) } else { values })
}

/// Message for a file that cannot be read to its end.
pub(super) fn damaged(e: io::Error) -> String {
    match e.kind() {
        ErrorKind::UnexpectedEof => "ends before the bytes it declares; the file is damaged".into(),
        _ => format!("cannot be read ({e}); the file is damaged"),
    }
}
