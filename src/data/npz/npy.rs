//! A `.npy` file by itself, read or mapped.

use super::elements::{Array, Dtype, Kind};
use super::header::Header;
use super::read::read_values;
use crate::data::mapped::{Mapped, Stored, Unmapped, map};
use crate::memory::available_host_bytes;
use memmap2::Mmap;
use std::fs::File;
use std::io::BufReader;

/// Reads the array in `file`.
pub(in crate::data) fn read(file: &File) -> Result<Array, String> {
    let (bytes, available) = (length(file)?, available_host_bytes().unwrap_or(u64::MAX));
    if bytes > available {
        return Err(format!("takes {bytes} bytes, and the host has {available} available"));
    }
    let mut file = BufReader::new(file);
    let header = Header::read(&mut file)?;
    header.check_held(bytes)?;
    let values = read_values(&mut file, &header)?;
    Ok(Array { shape: header.shape, values })
}

/// Maps the array in `file`: its shape and values.
pub(in crate::data) fn map_file(file: &File) -> Result<(Vec<usize>, Mapped), Unmapped> {
    let bytes = length(file)?;
    if bytes == 0 {
        return Err(Unmapped::Broken("is empty, expected a .npy file".into()));
    }
    map_values(map(file, 0, bytes)?, None)
}

/// The array that `map` holds, all of it, header and values: its shape and values. Checks it against a `checksum`, where
/// there is one.
pub(super) fn map_values(map: Mmap, checksum: Option<u32>) -> Result<(Vec<usize>, Mapped), Unmapped> {
    let header = Header::read(&mut &map[..])?;
    header.check_held(map.len() as u64)?;
    let stored = match header.dtype {
        _ if header.fortran_order && header.shape.len() > 1 => {
            let problem =
                "lies in Fortran order, and only C order can be mapped; save np.ascontiguousarray of it";
            return Err(Unmapped::Unsuited(problem.into()));
        }
        Dtype { kind: Kind::U8, .. } => Stored::U8,
        Dtype { kind: Kind::F32, big_endian: false, .. } => Stored::F32,
        Dtype { kind, big_endian, .. } => {
            let found = match kind {
                Kind::F32 if big_endian => "big-endian float32",
                Kind::F64 => "float64",
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
    Ok((header.shape, mapped))
}

fn length(file: &File) -> Result<u64, String> {
    file.metadata().map(|found| found.len()).map_err(|error| format!("cannot be read: {error}"))
}
