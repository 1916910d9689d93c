//! Values of an array: the dtypes that are read, how bytes are decoded, and their order.

use super::shown::shown;
use crate::data::{bfloat, half};
use crate::memory::fallible;

/// An array with its values in C order: the last axis varies fastest.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Length of each axis; empty for a scalar.
    pub shape: Vec<usize>,
    /// The values, row-major, as many as the product of `shape`.
    pub values: Values,
}

/// Values of an array by type. Integers other than `uint8` are widened to `i64`.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// `uint8`.
    U8(Vec<u8>),
    /// `int8` … `int64`, `uint16` … `uint64`.
    I64(Vec<i64>),
    /// `float32`; also `float16` and `bfloat16`, which it holds exactly, and booleans as 0 and 1.
    F32(Vec<f32>),
    /// `float64`.
    F64(Vec<f64>),
}

impl Values {
    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Values::U8(v) => v.len(),
            Values::I64(v) => v.len(),
            Values::F32(v) => v.len(),
            Values::F64(v) => v.len(),
        }
    }

    /// `true` if there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Name of their type, for messages.
    pub fn describe(&self) -> &'static str {
        match self {
            Values::U8(_) => "uint8",
            Values::I64(_) => "integers wider than uint8, or signed",
            Values::F32(_) => "float32",
            Values::F64(_) => "float64",
        }
    }

    /// The numbers as `f32`: rounded to nearest, and infinite if too large.
    pub fn into_f32(self) -> Vec<f32> {
        match self {
            Values::F32(v) => v,
            Values::F64(v) => v.into_iter().map(|x| x as f32).collect(),
            Values::U8(v) => v.into_iter().map(f32::from).collect(),
            Values::I64(v) => v.into_iter().map(|n| n as f32).collect(),
        }
    }

    /// `true` if `f32` may round them.
    pub(in crate::data) fn is_wide(&self) -> bool {
        matches!(self, Values::F64(_) | Values::I64(_))
    }

    /// The numbers, `[samples, width]`, times `scale`, as `f32`. The first finite one of a column is taken off before its numbers
    /// are rounded, unless `f32` holds all of them. Also returns what was taken off.
    pub(in crate::data) fn with_offsets(self, width: usize, scale: f64) -> (Vec<f32>, Vec<f64>) {
        let number = |index: usize| self.number(index) * scale;
        let offset = |column: usize| {
            let mut numbers =
                (column..self.len()).step_by(width).map(number).filter(|number| number.is_finite());
            let is_rounded = |number: f64| f64::from(number as f32) != number;
            if numbers.clone().any(is_rounded) { numbers.next().unwrap_or(0.0) } else { 0.0 }
        };
        let offsets: Vec<f64> = (0..width).map(offset).collect();
        ((0..self.len()).map(|index| (number(index) - offsets[index % width]) as f32).collect(), offsets)
    }

    /// The numbers times `scale`, and then rounded to `f32`.
    pub(in crate::data) fn scaled(self, scale: f64) -> Vec<f32> {
        (0..self.len()).map(|index| (self.number(index) * scale) as f32).collect()
    }

    fn number(&self, index: usize) -> f64 {
        match self {
            Values::U8(v) => f64::from(v[index]),
            Values::I64(v) => v[index] as f64,
            Values::F32(v) => f64::from(v[index]),
            Values::F64(v) => v[index],
        }
    }

    pub(super) fn empty(kind: Kind) -> Values {
        match kind {
            Kind::U8 => Values::U8(Vec::new()),
            Kind::Signed | Kind::Unsigned => Values::I64(Vec::new()),
            Kind::Bool | Kind::F16 | Kind::Bf16 | Kind::F32 => Values::F32(Vec::new()),
            Kind::F64 => Values::F64(Vec::new()),
        }
    }

    /// Appends the values in `bytes`, a whole number of them. Bytes of big-endian values are reversed in
    /// place.
    pub(super) fn append(&mut self, dtype: Dtype, bytes: &mut [u8]) -> Result<(), String> {
        if dtype.big_endian {
            bytes.chunks_exact_mut(dtype.width).for_each(<[u8]>::reverse);
        }
        let bytes = &*bytes;
        match (self, dtype.kind, dtype.width) {
            (Values::U8(v), ..) => extend(v, bytes, |[byte]: [u8; 1]| byte),
            (Values::F32(v), Kind::Bool, _) => {
                extend(v, bytes, |[byte]: [u8; 1]| f32::from(u8::from(byte != 0)))
            }
            (Values::F32(v), Kind::F16, _) => extend(v, bytes, |b| half(u16::from_le_bytes(b))),
            (Values::F32(v), Kind::Bf16, _) => extend(v, bytes, |b| bfloat(u16::from_le_bytes(b))),
            (Values::F32(v), ..) => extend(v, bytes, f32::from_le_bytes),
            (Values::F64(v), ..) => extend(v, bytes, f64::from_le_bytes),
            (Values::I64(v), Kind::Signed, 1) => extend(v, bytes, |b| i8::from_le_bytes(b).into()),
            (Values::I64(v), Kind::Signed, 2) => extend(v, bytes, |b| i16::from_le_bytes(b).into()),
            (Values::I64(v), Kind::Signed, 4) => extend(v, bytes, |b| i32::from_le_bytes(b).into()),
            (Values::I64(v), Kind::Signed, _) => extend(v, bytes, i64::from_le_bytes),
            (Values::I64(v), _, 2) => extend(v, bytes, |b| u16::from_le_bytes(b).into()),
            (Values::I64(v), _, 4) => extend(v, bytes, |b| u32::from_le_bytes(b).into()),
            (Values::I64(v), ..) => {
                let (words, _) = bytes.as_chunks();
                match words.iter().map(|&b| u64::from_le_bytes(b)).find(|&n| i64::try_from(n).is_err()) {
                    Some(n) => Err(format!("holds {n}, expected at most {} in integers", i64::MAX)),
                    None => extend(v, bytes, i64::from_le_bytes),
                }
            }
        }
    }

    /// Reorders values of an array of `shape` from Fortran order, where the first axis varies fastest, to C
    /// order.
    pub(super) fn fortran_to_c(self, shape: &[usize]) -> Values {
        match self {
            Values::U8(v) => Values::U8(transpose(shape, &v)),
            Values::I64(v) => Values::I64(transpose(shape, &v)),
            Values::F32(v) => Values::F32(transpose(shape, &v)),
            Values::F64(v) => Values::F64(transpose(shape, &v)),
        }
    }
}

fn extend<const N: usize, T>(
    to: &mut Vec<T>,
    bytes: &[u8],
    decode: impl Fn([u8; N]) -> T,
) -> Result<(), String> {
    let (words, _) = bytes.as_chunks::<N>();
    fallible(|| to.try_reserve(words.len())).map_err(|_| "does not fit this machine's memory")?;
    to.extend(words.iter().map(|&word| decode(word)));
    Ok(())
}

fn transpose<T: Copy>(shape: &[usize], fortran: &[T]) -> Vec<T> {
    let strides: Vec<usize> =
        shape.iter().scan(1, |stride, &axis| Some(std::mem::replace(stride, *stride * axis))).collect();
    let mut index = vec![0; shape.len()];
    let mut at = 0;
    let mut next = || {
        let value = fortran[at];
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            at += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            at -= strides[axis] * shape[axis];
            index[axis] = 0;
        }
        value
    };
    (0..fortran.len()).map(|_| next()).collect()
}

/// A dtype that can be read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Dtype {
    pub kind: Kind,
    /// Bytes of one value.
    pub width: usize,
    pub big_endian: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    U8,
    Bool,
    Unsigned,
    Signed,
    F16,
    Bf16,
    F32,
    F64,
}

impl Kind {
    /// NumPy's name of the dtype that it is written as.
    pub fn descr(self) -> &'static str {
        match self {
            Kind::U8 => "|u1",
            Kind::Bool => "|b1",
            Kind::F16 => "<f2",
            Kind::Bf16 => "<V2",
            Kind::Unsigned => "<u8",
            Kind::Signed => "<i8",
            Kind::F32 => "<f4",
            Kind::F64 => "<f8",
        }
    }
}

impl Dtype {
    /// Parses NumPy's `descr`, such as `<f4`. The error says why a dtype is rejected, and how to save the
    /// array instead.
    pub fn parse(descr: &str) -> Result<Dtype, String> {
        let (big_endian, code) = match descr.as_bytes() {
            [order @ (b'<' | b'|' | b'>'), code @ ..] => (*order == b'>', code),
            code => (false, code),
        };
        let (kind, width) = match code {
            b"u1" => (Kind::U8, 1),
            b"b1" | b"?" => (Kind::Bool, 1),
            b"u2" => (Kind::Unsigned, 2),
            b"u4" => (Kind::Unsigned, 4),
            b"u8" => (Kind::Unsigned, 8),
            b"i1" => (Kind::Signed, 1),
            b"i2" => (Kind::Signed, 2),
            b"i4" => (Kind::Signed, 4),
            b"i8" => (Kind::Signed, 8),
            b"f2" => (Kind::F16, 2),
            // What NumPy writes for the bfloat16 of JAX and ml_dtypes.
            b"V2" => (Kind::Bf16, 2),
            b"f4" => (Kind::F32, 4),
            b"f8" => (Kind::F64, 8),
            _ => return Err(refusal(descr, code)),
        };
        Ok(Dtype { kind, width, big_endian })
    }
}

fn refusal(descr: &str, code: &[u8]) -> String {
    let (what, remedy) = match code.first() {
        Some(b'O') => ("Python objects", "save it with .astype(np.float32)"),
        Some(b'f') => ("extended floats", "save it with .astype(np.float64)"),
        Some(b'c') => ("complex numbers", "save the real and imaginary parts as arrays of their own"),
        Some(b'S' | b'a' | b'U') => ("strings", "save numbers instead"),
        Some(b'm' | b'M') => ("times", "save it with .astype(np.int64)"),
        Some(b'V') => ("raw records", "save each field as an array of its own"),
        _ => ("unknown", "save it with .astype(np.float32)"),
    };
    format!(
        "has dtype '{}' ({what}), expected booleans, integers, or floats of 16, 32 or 64 bits; {remedy}",
        shown(descr)
    )
}
