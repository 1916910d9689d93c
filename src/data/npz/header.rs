//! The `.npy` header: a magic string, a version, a length, and a Python dictionary of three keys.
//!
//! NumPy writes the dictionary in one narrow form, and this parser reads only that: without recursion,
//! without arithmetic on what it reads, in linear time. A general parser of Python literals would be open to
//! hostile headers, such as nested brackets that take exponential time.

use super::dtype::{Dtype, Kind};
use super::shown::shown;
use std::io::{self, Read};

pub(super) const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// NumPy itself rejects more than 10,000 bytes by default.
const MAX_TEXT_BYTES: usize = 64 << 10;
const MAX_AXES: usize = 64;

/// Type, order and extent of the values that follow a header.
#[derive(Debug, PartialEq)]
pub(super) struct Header {
    pub dtype: Dtype,
    pub fortran_order: bool,
    pub shape: Vec<usize>,
    /// Number of values, the product of `shape`.
    pub count: usize,
    /// Bytes from the magic string to the first value.
    pub header_bytes: u64,
    /// Bytes of all values.
    pub data_bytes: u64,
}

impl Header {
    /// Reads a header, and leaves `from` at the first value.
    pub fn read(from: &mut impl Read) -> Result<Header, String> {
        let mut start = [0; 8];
        fill(from, &mut start)?;
        let [magic @ .., major, minor] = &start;
        if magic != MAGIC {
            return Err("does not start with the .npy magic string; write the file with np.savez".into());
        }
        let length_bytes = match (*major, *minor) {
            (1, 0) => 2,
            (2 | 3, 0) => 4,
            _ => return Err(format!(".npy version {major}.{minor} is unknown, expected 1.0, 2.0 or 3.0")),
        };
        let mut length = [0; 4];
        fill(from, &mut length[..length_bytes])?;
        let length = u32::from_le_bytes(length) as usize;
        if length > MAX_TEXT_BYTES {
            return Err(format!("declares a header of {length} bytes, expected at most {MAX_TEXT_BYTES}"));
        }
        let mut text = vec![0; length];
        fill(from, &mut text)?;
        let text = str::from_utf8(&text).map_err(|_| "its header is not UTF-8 text")?;
        Self::parse(text, (start.len() + length_bytes + length) as u64)
    }

    /// Checks that a file or member of `bytes` bytes in total holds exactly the values that the shape takes.
    pub fn check_held(&self, bytes: u64) -> Result<(), String> {
        let held = bytes.saturating_sub(self.header_bytes);
        if held == self.data_bytes {
            return Ok(());
        }
        Err(format!("holds {held} bytes of values, but its shape {:?} takes {}", self.shape, self.data_bytes))
    }

    fn parse(text: &str, header_bytes: u64) -> Result<Header, String> {
        let broken = || format!("its header cannot be understood: {}", shown(text.trim()));
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        let mut rest = Cursor(text);
        rest.require("{").ok_or_else(broken)?;
        while !rest.eat("}") {
            let key = rest.quoted().ok_or_else(broken)?;
            rest.require(":").ok_or_else(broken)?;
            match key {
                "descr" if rest.starts_with("[") => {
                    let record = rest.0.rfind(']').map_or(rest.0, |end| &rest.0[..=end]);
                    return Err(format!(
                        "has the record dtype {}, expected plain numbers; save each field as an array of its own",
                        shown(record)
                    ));
                }
                "descr" => descr = Some(rest.quoted().ok_or_else(broken)?),
                "fortran_order" => fortran_order = Some(rest.boolean().ok_or_else(broken)?),
                "shape" => shape = Some(rest.tuple().ok_or_else(broken)?),
                _ => return Err(broken()),
            }
            if !rest.eat(",") {
                rest.require("}").ok_or_else(broken)?;
                break;
            }
        }
        let (Some(descr), Some(fortran_order), Some(shape), "") =
            (descr, fortran_order, shape, rest.0.trim_start())
        else {
            return Err(broken());
        };

        let dtype = Dtype::parse(descr)?;
        let (shape, data_bytes) = extent(&shape, dtype.width)?;
        let count = data_bytes as usize / dtype.width;
        Ok(Header { dtype, fortran_order, shape, count, header_bytes, data_bytes })
    }
}

/// Converts a declared `shape` of values of `width` bytes each: the lengths of its axes, and its size in
/// bytes. Fails if no memory could hold it.
pub(in crate::data) fn extent(shape: &[u64], width: usize) -> Result<(Vec<usize>, u64), String> {
    // Axes of length 0 count as 1, so that the strides of an empty array cannot overflow either.
    let bytes = shape.iter().try_fold(width as u64, |bytes, &axis| bytes.checked_mul(axis.max(1)));
    let axes = shape.iter().map(|&axis| usize::try_from(axis).ok()).collect::<Option<Vec<_>>>();
    match (bytes.filter(|&bytes| bytes <= isize::MAX as u64), axes) {
        (Some(bytes), Some(axes)) => Ok(if axes.contains(&0) { (axes, 0) } else { (axes, bytes) }),
        _ => Err(format!("declares the shape {shape:?}, more than any memory holds")),
    }
}

/// The bytes of a version 1.0 header for C-order values of `kind` and `shape`.
pub(super) fn header(kind: Kind, shape: &[usize]) -> Result<Vec<u8>, String> {
    let axes: String = shape.iter().map(|axis| format!("{axis}, ")).collect();
    let axes = if shape.len() == 1 { axes.trim_end() } else { axes.trim_end_matches(", ") };
    let mut text = format!("{{'descr': '{}', 'fortran_order': False, 'shape': ({axes}), }}", kind.descr());
    // NumPy aligns the first value to 64 bytes. 10 bytes precede the text, and a newline ends it.
    let bytes = (10 + text.len() + 1).next_multiple_of(64);
    text.extend(std::iter::repeat_n(' ', bytes - 10 - text.len() - 1));
    text.push('\n');
    let length = u16::try_from(text.len()).map_err(|_| format!("a shape of {} axes", shape.len()))?;
    Ok([MAGIC, &[1, 0][..], &length.to_le_bytes(), text.as_bytes()].concat())
}

fn fill(from: &mut impl Read, into: &mut [u8]) -> Result<(), String> {
    from.read_exact(into).map_err(|e| match e.kind() {
        io::ErrorKind::UnexpectedEof => "ends inside its .npy header".into(),
        _ => format!("cannot be read: {e}"),
    })
}

/// Text that is yet to be parsed. Every method skips white space first.
struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    fn starts_with(&mut self, token: &str) -> bool {
        self.0 = self.0.trim_start();
        self.0.starts_with(token)
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.starts_with(token);
        if found {
            self.0 = &self.0[token.len()..];
        }
        found
    }

    fn require(&mut self, token: &str) -> Option<()> {
        self.eat(token).then_some(())
    }

    fn boolean(&mut self) -> Option<bool> {
        if self.eat("True") { Some(true) } else { self.require("False").map(|()| false) }
    }

    fn quoted(&mut self) -> Option<&'a str> {
        let quote = if self.eat("'") { '\'' } else { self.require("\"").map(|()| '"')? };
        let (inside, rest) = self.0.split_once(quote)?;
        self.0 = rest;
        (!inside.contains('\\')).then_some(inside)
    }

    fn integer(&mut self) -> Option<u64> {
        self.0 = self.0.trim_start();
        let end = self.0.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.0.len());
        let (digits, rest) = self.0.split_at(end);
        self.0 = rest;
        // More digits than a u64 holds are still a number; the check of the shape refuses it.
        (!digits.is_empty()).then(|| digits.parse().unwrap_or(u64::MAX))
    }

    fn tuple(&mut self) -> Option<Vec<u64>> {
        self.require("(")?;
        let mut items = Vec::new();
        while !self.eat(")") {
            items.push(self.integer()?);
            if !self.eat(",") {
                self.require(")")?;
                break;
            }
        }
        (items.len() <= MAX_AXES).then_some(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Header, String> {
        Header::parse(text, 128)
    }

    #[test]
    fn reads_what_numpy_writes_in_any_key_order() {
        let header = parse("{'descr': '>f8', 'fortran_order': True, 'shape': (2, 3), }   \n").unwrap();
        assert_eq!(header.shape, [2, 3]);
        assert_eq!((header.count, header.data_bytes, header.fortran_order), (6, 48, true));
        assert_eq!(parse("{\"shape\":(2,3),\"fortran_order\":True,\"descr\":\">f8\"}").unwrap(), header);
        assert_eq!(parse("{'descr': '|u1', 'fortran_order': False, 'shape': (), }").unwrap().count, 1);
        assert_eq!(parse("{'descr': '|u1', 'fortran_order': False, 'shape': (0, 9), }").unwrap().count, 0);
    }

    #[test]
    fn everything_else_is_rejected() {
        for text in [
            "",
            "{",
            "{}",
            "[]",
            "{'descr'",
            "{'descr': '<f4'}",
            "{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': 2}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (0x10,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2 3)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} 1",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'more': 1}",
            "{'descr': '\\x3cf4', 'fortran_order': False, 'shape': (2,)}",
            "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 1099511627776, 1099511627776)}",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        let deep = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {}}}", "(".repeat(60_000));
        assert!(parse(&deep).is_err());
        let many_axes = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({})}}", "1,".repeat(65));
        assert!(parse(&many_axes).is_err());
    }

    #[test]
    fn written_headers_are_read_back() {
        for shape in [&[][..], &[3], &[30, 784], &[2, 0, 5], &[1; 64]] {
            let bytes = header(Kind::F32, shape).unwrap();
            assert_eq!(bytes.len() % 64, 0);
            let header = Header::read(&mut &bytes[..]).unwrap();
            assert_eq!(header.shape, shape);
            assert_eq!(header.header_bytes, bytes.len() as u64);
            assert_eq!(header.dtype, Dtype::parse("<f4").unwrap());
        }
    }
}
