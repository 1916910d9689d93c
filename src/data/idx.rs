//! IDX files, the format of MNIST and Fashion-MNIST: a big-endian header with the type, the number of axes
//! and their lengths, then the values. Files may be gzipped.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::mapped::{Mapped, MappedArray, Stored, Unmapped, map};
use super::npz::{Array, Values, extent};
use crate::file;
use crate::memory::available_host_bytes;
use crate::{Error, Result};

const MOST_AXES: u8 = 8;
/// Type code of unsigned bytes.
const BYTES: u8 = 0x08;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Reads the array in the IDX file at `path`. Its first bytes tell whether it is gzipped, not its name.
///
/// # Errors
/// [`Error::File`] if it is not an IDX file, if it does not hold exactly the bytes that its shape takes, or
/// if the host has no room for them.
pub fn read(path: &Path) -> Result<Array> {
    let fail = |problem: String| Error::file(path, problem);
    let file = file::open(path)?;
    let room = available_host_bytes().unwrap_or(u64::MAX);
    read_any(BufReader::new(file), room).map_err(fail)
}

/// Maps the array in an uncompressed IDX `file` of bytes.
pub(super) fn map_file(file: &File) -> Result<MappedArray, Unmapped> {
    let bytes = file.metadata().map_err(|error| format!("cannot be read: {error}"))?.len();
    if bytes == 0 {
        return Err(Unmapped::Broken("is empty, expected an IDX file".to_owned()));
    }
    let map = map(file, 0, bytes)?;
    if map.starts_with(&GZIP_MAGIC) {
        let problem = "is gzipped, and only uncompressed files can be mapped; unpack it with gunzip";
        return Err(Unmapped::Unsuited(problem.to_owned()));
    }
    let mut values = &map[..];
    let Header { kind, shape, bytes } = Header::read(&mut values)?;
    let (held, start) = (values.len() as u64, map.len() - values.len());
    if held < bytes {
        return Err(Unmapped::Broken(cut_off(held, bytes, &shape)));
    }
    if held > bytes {
        return Err(Unmapped::Broken(too_long(bytes, &shape)));
    }
    if kind != BYTES {
        let problem = "holds wider values than bytes, and only IDX files of bytes can be mapped; save it with np.save as '<f4'";
        return Err(Unmapped::Unsuited(problem.to_owned()));
    }
    let mapped = Mapped::new(map, start, &shape, Stored::U8);
    mapped.check(None)?;
    Ok(MappedArray { shape, mapped })
}

pub(crate) fn read_any(mut file: BufReader<impl Read>, room: u64) -> Result<Array, String> {
    use std::io::BufRead;
    let start = file.fill_buf().map_err(|error| format!("cannot be read: {error}"))?;
    if start.starts_with(&GZIP_MAGIC) { array(MultiGzDecoder::new(file), room) } else { array(file, room) }
}

/// Type and extent of the values that follow a header.
struct Header {
    kind: u8,
    shape: Vec<usize>,
    /// Size of the values.
    bytes: u64,
}

impl Header {
    fn read(file: &mut impl Read) -> Result<Header, String> {
        let mut magic = [0; 4];
        exactly(file, &mut magic)?;
        let [0, 0, kind, axes @ 1..=MOST_AXES] = magic else {
            return Err(format!(
                "begins with {magic:?}, expected an IDX header: 0, 0, a type, and 1 to {MOST_AXES} axes"
            ));
        };
        let bytes_each = match kind {
            BYTES | 0x09 => 1,
            0x0b => 2,
            0x0c | 0x0d => 4,
            0x0e => 8,
            _ => {
                return Err(format!(
                    "has values of the unknown type {kind:#04x}, expected 0x08, 0x09 or 0x0b to 0x0e"
                ));
            }
        };
        let mut shape = Vec::new();
        for _ in 0..axes {
            let mut length = [0; 4];
            exactly(file, &mut length)?;
            shape.push(u64::from(u32::from_be_bytes(length)));
        }
        let (shape, bytes) = extent(&shape, bytes_each)?;
        Ok(Header { kind, shape, bytes })
    }
}

fn array(mut file: impl Read, room: u64) -> Result<Array, String> {
    let Header { kind, shape, bytes } = Header::read(&mut file)?;
    if bytes > room {
        return Err(format!(
            "declares the shape {shape:?}, {bytes} bytes, and the host has {room} available; an uncompressed file of bytes can \
             be mapped"
        ));
    }
    // Memory grows with the bytes that arrive, so that a small file with a false header costs no more than
    // the file.
    let mut raw = Vec::new();
    let read = (&mut file).take(bytes).read_to_end(&mut raw);
    read.map_err(|error| format!("cannot be read: {error}"))?;
    if (raw.len() as u64) < bytes {
        return Err(cut_off(raw.len() as u64, bytes, &shape));
    }
    match file.read(&mut [0]) {
        Ok(0) => Ok(Array { shape, values: values(kind, raw) }),
        Ok(_) => Err(too_long(bytes, &shape)),
        Err(error) => Err(format!("cannot be read to its end: {error}")),
    }
}

fn cut_off(held: u64, bytes: u64, shape: &[usize]) -> String {
    format!("ends after {held} of the {bytes} bytes that {shape:?} values take")
}

fn too_long(bytes: u64, shape: &[usize]) -> String {
    format!("continues after the {bytes} bytes that {shape:?} values take")
}

fn exactly(file: &mut impl Read, bytes: &mut [u8]) -> Result<(), String> {
    file.read_exact(bytes).map_err(|error| format!("has no complete IDX header: {error}"))
}

fn values(kind: u8, raw: Vec<u8>) -> Values {
    fn each<const N: usize, T>(raw: &[u8], value: impl Fn([u8; N]) -> T) -> Vec<T> {
        raw.as_chunks().0.iter().map(|&chunk| value(chunk)).collect()
    }
    match kind {
        BYTES => Values::U8(raw),
        0x09 => Values::I64(each(&raw, |byte| i8::from_be_bytes(byte).into())),
        0x0b => Values::I64(each(&raw, |bytes| i16::from_be_bytes(bytes).into())),
        0x0c => Values::I64(each(&raw, |bytes| i32::from_be_bytes(bytes).into())),
        0x0d => Values::F32(each(&raw, f32::from_be_bytes)),
        _ => Values::F64(each(&raw, f64::from_be_bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn bytes(kind: u8, shape: &[u32], values: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 0, kind, shape.len() as u8];
        bytes.extend(shape.iter().flat_map(|length| length.to_be_bytes()));
        bytes.extend(values);
        bytes
    }

    fn gzipped(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn parse(bytes: &[u8]) -> Result<Array, String> {
        read_any(BufReader::new(bytes), 1 << 20)
    }

    #[test]
    fn every_type_is_read_plain_and_gzipped() {
        for (kind, raw, expected) in [
            (0x08, vec![7, 255], Values::U8(vec![7, 255])),
            (0x09, vec![7, 255], Values::I64(vec![7, -1])),
            (0x0b, vec![1, 0, 255, 254], Values::I64(vec![256, -2])),
            (0x0c, [1_i32, -3].map(i32::to_be_bytes).concat(), Values::I64(vec![1, -3])),
            (0x0d, [1.5_f32, -3.0].map(f32::to_be_bytes).concat(), Values::F32(vec![1.5, -3.0])),
            (0x0e, [1.5_f64, -3.0].map(f64::to_be_bytes).concat(), Values::F64(vec![1.5, -3.0])),
        ] {
            let plain = bytes(kind, &[2, 1], &raw);
            let expected = Ok(Array { shape: vec![2, 1], values: expected });
            assert_eq!(parse(&plain), expected);
            assert_eq!(parse(&gzipped(&plain)), expected);
        }
    }

    #[test]
    fn truncated_long_and_inconsistent_files_are_rejected() {
        let plain = bytes(0x08, &[2, 3], &[1, 2, 3, 4, 5, 6]);
        let gzip = gzipped(&plain);
        for (whole, what) in [(&plain, "plain"), (&gzip, "gzipped")] {
            for length in 0..whole.len() {
                assert!(parse(&whole[..length]).is_err(), "{length} bytes, {what}");
            }
        }
        assert!(parse(&[&plain[..], &[0]].concat()).unwrap_err().contains("continues"));
        assert!(parse(&bytes(0x0e, &[u32::MAX], &[])).unwrap_err().contains("available"));
        assert!(parse(&bytes(0x08, &[1000], &[])).unwrap_err().contains("ends after 0 of the 1000"));
        for first in [0, 1] {
            let huge = bytes(0x08, &[first, u32::MAX, u32::MAX, u32::MAX], &[]);
            assert!(parse(&huge).unwrap_err().contains("more than any memory holds"));
        }
        for magic in [[1, 0, 8, 1], [0, 0, 10, 1], [0, 0, 8, 0], [0, 0, 8, 9]] {
            assert!(parse(&magic).is_err(), "{magic:?}");
        }
        for index in 0..gzip.len() {
            let mut flipped = gzip.clone();
            flipped[index] ^= 0x10;
            // Some bits of gzip's header have no effect, but none may change a value.
            if let Ok(array) = parse(&flipped) {
                assert_eq!(array.values, Values::U8(vec![1, 2, 3, 4, 5, 6]), "byte {index}");
            }
        }
    }
}
